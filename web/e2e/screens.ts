// Visits each screen in both themes, both languages and two widths: takes its picture, asks axe, and
// fails on findings, console errors, violations of the policy and pages that are too wide. With
// `--pictures` it only takes the pictures of docs/screens; with `--look=dark-fr-360` only that look.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { findings } from './axe.ts';
import { launch, token, url } from './browser.ts';
import { leave } from './left.ts';
import { savePicture } from './picture.ts';

const pictures = process.argv.includes('--pictures');
const wanted = process.argv.find((word) => word.startsWith('--look='))?.slice('--look='.length);
const folder = pictures ? '../docs/screens' : (process.env.SCREENS ?? 'screens');

const SCREENS: [string, string][] = [
  ['home', '/'],
  ['repositories', '/repositories'],
  ['repository', '/repositories/demo/hello'],
  ['file', '/repositories/demo/hello?path=src/greeting.rs&kind=file'],
  ['file-edit', '/repositories/demo/hello?path=src/greeting.rs&kind=file&mode=edit'],
  ['pull-requests', '/pull-requests'],
  ['pull-request', '/repositories/demo/hello/pull-requests/2'],
  ['pull-request-source', '/repositories/demo/hello/pull-requests/2?tab=source'],
  ['pull-request-split', '/repositories/demo/hello/pull-requests/2?tab=source&layout=split'],
  ['pull-request-consequences', '/repositories/demo/hello/pull-requests/2?tab=consequences'],
  ['runs', '/runs'],
  ['run', '/runs/1'],
  ['run-graph', '/runs/1?view=graph'],
  ['applications', '/applications'],
  ['application', '/applications/hello-production'],
  ['application-list', '/applications/hello-production?view=list'],
  ['application-history', '/applications/hello-production?tab=history'],
  ['application-metrics', '/applications/hello-production?tab=metrics'],
  ['application-events', '/applications/hello-production?tab=events'],
  ['promotion', '/promotion?repository=demo/hello'],
  ['metrics', '/monitoring'],
  ['metrics-chart', '/monitoring?query=rate(hello_requests_total[1m])&range=1h'],
  ['metrics-objectives', '/monitoring?tab=objectives'],
  ['metrics-delivery', '/monitoring?tab=delivery'],
  ['incidents', '/incidents'],
  ['incident', '/incidents/1'],
  ['timeline', '/timeline'],
  ['settings', '/settings'],
  ['settings-secrets', '/settings?tab=secrets&repository=demo/hello'],
  ['settings-notifications', '/settings?tab=notifications&repository=demo/hello'],
  ['settings-people', '/settings?tab=people'],
  ['settings-tokens', '/settings?tab=tokens'],
  ['settings-keys', '/settings?tab=keys'],
  ['settings-places', '/settings?tab=places'],
  ['settings-server', '/settings?tab=server'],
  ['settings-browser', '/settings?tab=browser'],
];
/** What somebody sees who is nobody here yet, under a name that passkeys can have. */
const GUEST_SCREENS: [string, string][] = [
  ['sign-in', '/'],
  ['set-up', '/setup#a-secret-that-was-never-printed'],
];
/** The screens that also have a narrow, dark picture. */
const MAIN = ['home', 'pull-request-source', 'run', 'application', 'promotion', 'incident'];
const LOADING = 'main [role=status], main [aria-busy=true]';
const problems: string[] = [];

mkdirSync(folder, { recursive: true });
const browser = await launch();
let visits = 0;
if (pictures) {
  // What the server found about itself names folders of the machine that it runs on.
  const shown = SCREENS.filter(([name]) => name !== 'settings-server');
  await through({ theme: 'light', language: 'en', width: 1440 }, [
    ...shown,
    ...(await leave('demo/checks')),
  ]);
  const main = SCREENS.filter(([name]) => MAIN.includes(name));
  await through({ theme: 'dark', language: 'en', width: 360 }, main);
} else {
  const screens = [...SCREENS, ...(await leave(`screens/left-${Date.now().toString(36)}`))];
  for (const theme of ['light', 'dark'] as const) {
    for (const language of ['en', 'fr'] as const) {
      for (const width of [1440, 360]) {
        if (wanted && wanted !== `${theme}-${language}-${width}`) continue;
        await through({ theme, language, width }, screens);
      }
    }
  }
}
await browser.close();
for (const problem of problems) console.error(problem);
console.log(`${visits} visits, ${problems.length} findings`);
process.exitCode = problems.length > 0 || visits === 0 ? 1 : 0;

interface Look {
  theme: 'light' | 'dark';
  language: 'en' | 'fr';
  width: number;
}

async function through({ theme, language, width }: Look, screens: typeof SCREENS): Promise<void> {
  const manner = {
    viewport: { width, height: width === 360 ? 740 : 900 },
    colorScheme: theme,
    locale: language === 'fr' ? 'fr-FR' : 'en-GB',
    bypassCSP: false,
  } as const;
  const look = pictures ? `${theme}-${width}` : `${theme}-${language}-${width}`;
  const context = await browser.newContext(manner);
  await context.addCookies([{ name: 'boucle_session', value: token, url }]);
  for (const [name, path] of screens) await visit(context, url + path, `${name}-${look}`);
  await context.close();
  const guest = await browser.newContext(manner);
  const named = url.replace('127.0.0.1', 'localhost');
  for (const [name, path] of GUEST_SCREENS) await visit(guest, named + path, `${name}-${look}`);
  await guest.close();
}

async function visit(context: BrowserContext, address: string, name: string): Promise<void> {
  const page = await context.newPage();
  page.on('console', (message) => {
    // That there is no session is found out by a refusal, which a browser notes.
    const expected = isGuest(name) && message.text().includes('status of 401');
    if (message.type() === 'error' && !expected) problems.push(`${name}: ${message.text()}`);
  });
  page.on('pageerror', (error) => problems.push(`${name}: ${error.message}`));
  visits++;
  await page.goto(address, { waitUntil: 'load' });
  await page.locator('main h1, main [role=alert]').first().waitFor();
  await settle(page);
  const beyond = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  if (beyond > 0) problems.push(`${name}: ${beyond} pixels too wide`);
  const problem = await savePicture(page, join(folder, `${name}.png`));
  if (problem && pictures) problems.push(`${name}: ${problem}`);
  for (const finding of await findings(page)) problems.push(`${name}: ${finding}`);
  await page.close();
}

function isGuest(name: string): boolean {
  return GUEST_SCREENS.some(([screen]) => name.startsWith(`${screen}-`));
}

/** Nothing is loading any more: no word of it, no code, no colour. */
async function settle(page: Page): Promise<void> {
  await page.waitForFunction((selector) => !document.querySelector(selector), LOADING);
  await page.waitForLoadState('load');
  if (page.url().includes('source') || page.url().includes('kind=file')) {
    await page.locator('[class^=code-]').first().waitFor();
  }
}
