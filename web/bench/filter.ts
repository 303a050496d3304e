// A filter on many applications: from each key press to the painted result.
import type { Browser, Page } from 'playwright-core';
import {
  ask,
  median,
  percentile,
  type Result,
  result,
  rounded,
  signIn,
  url,
  type World,
} from './world.ts';

const LIMIT_MS = 300;
/** What is written, letter by letter, and taken back again: each letter leaves fewer names. */
const WORDS = ['77', '42', '9999', '1234', '808', '5150', '31', '666', '2718', '90', '4071'];

interface Names {
  items: { name: string; repository: string }[];
  next_cursor?: string | null;
}

export async function filter(browser: Browser, world: World): Promise<Result[]> {
  const names = await everyName();
  if (names.length < world.applications) {
    throw new Error(`${names.length} of ${world.applications} applications are there`);
  }
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await signIn(context);
  const page = await context.newPage();
  const begun = performance.now();
  await page.goto(`${url}/applications`);
  const field = page.locator('main [data-filter]');
  await field.waitFor();
  const listed = performance.now() - begun;
  await page.evaluate(watchKeys);
  const samples: number[] = [];
  let written = '';
  let shown = names.length;
  for (const key of keys()) {
    written = key === 'Backspace' ? written.slice(0, -1) : written + key;
    const expected = names.filter((name) => name.includes(written)).length;
    const taken = await pressed(page, field, key, expected);
    // Where the result is the one before, nothing tells when it was painted.
    if (expected !== shown) samples.push(taken);
    shown = expected;
  }
  await context.close();
  const details = {
    applications: names.length,
    keys: samples.length,
    median_ms: median(samples),
    worst_ms: percentile(samples, 100),
    list_shown_after_ms: Math.round(listed),
    samples_ms: rounded(samples),
  };
  const name = `filter on ${world.applications} applications, p95`;
  return [result(name, percentile(samples, 95), LIMIT_MS, 'ms', details)];
}

function keys(): string[] {
  return WORDS.flatMap((word) => [...word, ...Array.from(word, () => 'Backspace')]);
}

async function everyName(): Promise<string[]> {
  const names: string[] = [];
  let cursor = '';
  do {
    const page = await ask<Names>('GET', `/applications?limit=500${cursor}`);
    names.push(...page.items.map(({ name, repository }) => `${name} ${repository}`));
    cursor = page.next_cursor ? `&cursor=${page.next_cursor}` : '';
  } while (cursor !== '');
  return names;
}

interface Watched {
  keyAt: number;
}

function watchKeys(): void {
  const watched = globalThis as unknown as Watched;
  addEventListener(
    'keydown',
    (event) => {
      watched.keyAt = event.timeStamp;
    },
    { capture: true },
  );
}

type Field = ReturnType<Page['locator']>;

/** Presses a key; the time from it until the table with so many rows is painted. */
async function pressed(page: Page, field: Field, key: string, rows: number): Promise<number> {
  const painted = page.evaluate((expected) => {
    const watched = globalThis as unknown as Watched;
    watched.keyAt = 0;
    const isThere = (): boolean => {
      const table = document.querySelector('main table');
      // The heading is a row of the table as well.
      const count = table ? Number(table.getAttribute('aria-rowcount')) - 1 : 0;
      return watched.keyAt > 0 && count === expected;
    };
    return new Promise<number>((resolve) => {
      const look = (): void => {
        if (!isThere()) {
          requestAnimationFrame(look);
          return;
        }
        const channel = new MessageChannel();
        channel.port1.onmessage = () => resolve(performance.now() - watched.keyAt);
        channel.port2.postMessage(null);
      };
      requestAnimationFrame(look);
    });
  }, rows);
  await field.press(key);
  return painted;
}
