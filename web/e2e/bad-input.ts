// Brings bad input to a server and looks at what the page makes of it; prints each case with its seconds
// and what went wrong. The server is BOUCLE_URL with BOUCLE_TOKEN; BOUCLE_BINARY is restarted.
import type { Browser } from 'playwright-core';
import { links } from './bad/links.ts';
import { names, tokenNames } from './bad/names.ts';
import { expired, twoPeople } from './bad/people.ts';
import { results } from './bad/results.ts';
import { sizes } from './bad/sizes.ts';
import { dropping, restarting } from './bad/stream.ts';
import { launch } from './browser.ts';

const CASES: Record<string, (browser: Browser, tag: string) => Promise<void>> = {
  names,
  'token-names': tokenNames,
  links,
  results,
  sizes,
  dropping,
  restarting,
  expired,
  'two-people': twoPeople,
};

const wanted = process.argv[2];
// Repositories of an earlier round stay on the server: each round has names of its own.
const tag = Date.now().toString(36);
const browser = await launch();
const played: { name: string; seconds: number; problem?: string }[] = [];
for (const [name, act] of Object.entries(CASES)) {
  if (wanted && name !== wanted) continue;
  const begun = performance.now();
  const problem = await act(browser, tag).then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error)),
  );
  const seconds = Number(((performance.now() - begun) / 1000).toFixed(1));
  played.push({ name, seconds, ...(problem ? { problem } : {}) });
  console.error(`${problem ? 'failed' : 'passed'} ${name} in ${seconds} s ${problem ?? ''}`);
  for (const context of browser.contexts()) await context.close();
}
await browser.close();
console.log(JSON.stringify({ cases: played }, null, 2));
process.exitCode = played.length === 0 || played.some(({ problem }) => problem) ? 1 : 0;
