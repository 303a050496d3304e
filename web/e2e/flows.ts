// Plays the main flow in both languages, both themes and two widths, last by keyboard alone, and
// prints each step with its seconds; fails with the first step of a flow that does not end well.
import type { Browser } from 'playwright-core';
import { launch, url } from './browser.ts';
import { keyboard, pointer } from './hands.ts';
import { prepare } from './prepare.ts';
import { STORY, WORDS } from './story.ts';

interface Flow {
  language: 'en' | 'fr';
  theme: 'light' | 'dark';
  width: number;
  by: 'pointer' | 'keyboard';
}

interface Played extends Flow {
  steps: { name: string; seconds: number; problem?: string }[];
}

/** A state that has not come after this long never will. */
const PATIENCE_MS = 45_000;
const WIDE = 1440;

/** The main flow comes last: what it decides can be decided once. */
const FLOWS: Flow[] = [
  ...(['en', 'fr'] as const).flatMap((language) =>
    (['light', 'dark'] as const).flatMap((theme) =>
      [WIDE, 360].map((width) => ({ language, theme, width, by: 'pointer' as const })),
    ),
  ),
  { language: 'en', theme: 'light', width: WIDE, by: 'keyboard' },
];

const wanted = process.argv[2];
const browser = await launch();
const played: Played[] = [];
for (const [index, flow] of FLOWS.entries()) {
  if (wanted && nameOf(flow) !== wanted) continue;
  played.push(await play(browser, flow, `flow-${process.pid}-${index}`));
}
await browser.close();
console.log(JSON.stringify({ flows: played }, null, 2));
const failed = played.some(({ steps }) => steps.some(({ problem }) => problem));
process.exitCode = failed || played.length === 0 ? 1 : 0;

function nameOf({ language, theme, width, by }: Flow): string {
  return `${language}-${theme}-${width}-${by}`;
}

async function play(browser: Browser, flow: Flow, name: string): Promise<Played> {
  const prepared = await prepare(name);
  const context = await browser.newContext({
    viewport: { width: flow.width, height: flow.width === WIDE ? 900 : 740 },
    colorScheme: flow.theme,
    locale: flow.language === 'fr' ? 'fr-FR' : 'en-GB',
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const faults: string[] = [];
  page.on('pageerror', ({ message }) => faults.push(message));
  const scene = {
    language: flow.language,
    page,
    hands: flow.by === 'keyboard' ? keyboard(page) : pointer(page),
    words: WORDS[flow.language] as (typeof WORDS)['en'],
    prepared,
    drags: flow.by === 'pointer' && flow.width === WIDE,
    decides: flow.by === 'keyboard',
  };
  const steps: Played['steps'] = [];
  await page.goto(url + prepared.way);
  for (const [step, act] of Object.entries(STORY)) {
    const begun = performance.now();
    const problem = await act(scene).then(
      () => faults[0],
      (error: unknown) => String(error),
    );
    const seconds = Number(((performance.now() - begun) / 1000).toFixed(2));
    steps.push({ name: step, seconds, ...(problem ? { problem } : {}) });
    if (problem) {
      console.error(`${nameOf(flow)}: ${step}: ${problem}`);
      break;
    }
  }
  await context.close();
  return { ...flow, steps };
}
