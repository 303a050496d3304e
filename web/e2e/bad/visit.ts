// A page that is watched while bad input is shown in it: nothing runs, nothing fails, nothing is too wide.
import assert from 'node:assert/strict';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { given } from './server.ts';

export interface Visit {
  page: Page;
  /** What went wrong since the page was opened. */
  faults: string[];
  close: () => Promise<void>;
}

interface Wish {
  width?: number;
  /** Where the page comes from, when that is not the server itself. */
  url?: string;
  /** The session; nobody's when empty. */
  session?: string;
}

/** A state that has not come after this long never will. */
const PATIENCE_MS = 30_000;
const WIDE = 1440;
/** Requests that fail are what some of the cases are about, and the page's own matter. */
const NETWORK = /Failed to load resource|net::ERR_/;

export async function visit(browser: Browser, wish: Wish = {}): Promise<Visit> {
  const { width = WIDE, url = given.url, session = given.token } = wish;
  const context = await browser.newContext({
    viewport: { width, height: width === WIDE ? 900 : 740 },
    locale: 'en-GB',
    baseURL: url,
    acceptDownloads: true,
  });
  if (session) await context.addCookies([{ name: 'boucle_session', value: session, url }]);
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  return { page, faults: faultsOf(context, page), close: () => context.close() };
}

function faultsOf(context: BrowserContext, page: Page): string[] {
  const faults: string[] = [];
  page.on('pageerror', ({ message }) => faults.push(`an error: ${message}`));
  page.on('dialog', (dialog) => {
    faults.push(`something ran: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('console', (message) => {
    if (message.type() === 'error' && !NETWORK.test(message.text())) faults.push(message.text());
  });
  context.on('page', (other) => faults.push(`another page opened: ${other.url()}`));
  return faults;
}

/** The screen at an address, once it stands. */
export async function go(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await page.locator('main h1').first().waitFor();
  await page.waitForFunction(() => !document.querySelector('main [aria-busy=true]'));
}

export async function assertFits(page: Page): Promise<void> {
  const beyond = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  assert.ok(beyond <= 0, `${page.url()} is ${beyond} pixels too wide`);
}

/** No link leads to a script or to data, and no element of a text that somebody wrote is alive. */
export async function assertHarmless(page: Page): Promise<void> {
  const found = await page.evaluate(() =>
    [...document.querySelectorAll('main *')]
      .filter(
        (element) =>
          /^\s*(javascript|data|vbscript):/i.test(element.getAttribute('href') ?? '') ||
          /^\s*(javascript|data):/i.test(element.getAttribute('src') ?? '') ||
          ['SCRIPT', 'IFRAME', 'OBJECT', 'EMBED'].includes(element.tagName) ||
          [...element.attributes].some(({ name }) => name.startsWith('on')),
      )
      .map((element) => element.outerHTML.slice(0, 200)),
  );
  assert.deepEqual(found, [], `${page.url()} has dangerous elements`);
}

/** The longest time for which the page did not draw while something was done, in milliseconds. */
export async function longestStill(page: Page, act: () => Promise<void>): Promise<number> {
  await page.evaluate(() => {
    const still = {
      longest: 0,
      last: performance.now(),
      look(now: number): void {
        still.longest = Math.max(still.longest, now - still.last);
        still.last = now;
        requestAnimationFrame(still.look);
      },
    };
    Object.assign(globalThis, { still });
    requestAnimationFrame(still.look);
  });
  await act();
  return page.evaluate(
    () => (globalThis as unknown as { still: { longest: number } }).still.longest,
  );
}

export function assertFaultless(faults: string[]): void {
  assert.deepEqual(faults, [], 'the page is without faults');
}
