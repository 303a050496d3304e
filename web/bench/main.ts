// Measures the page in Chromium and prints every result as JSON; `cargo xtask bench web` starts it.
import type { Browser } from 'playwright-core';
import { facts } from './facts.ts';
import { filter } from './filter.ts';
import { firstLoad } from './first-load.ts';
import { memory } from './memory.ts';
import { scrollDifference, scrollLog } from './scroll.ts';
import { tabs } from './tabs.ts';
import { launch, type Result, readWorld, result, type World } from './world.ts';

type Measure = (browser: Browser, world: World) => Promise<Result[]>;

/** The memory comes last: it starts so many runs that the lists are no longer those of before. */
const MEASURES: Record<string, Measure> = {
  'first-load': firstLoad,
  filter,
  difference: scrollDifference,
  log: scrollLog,
  tabs,
  facts,
  memory,
};

const world = readWorld();
const wanted = process.argv.slice(2);
const results: Result[] = [];
for (const [name, measure] of Object.entries(MEASURES)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const found = await measured(name, measure);
  for (const one of found) console.error(`  ${one.name}: ${one.value.toFixed(2)} ${one.unit}`);
  results.push(...found);
}
console.log(JSON.stringify(results, null, 2));

/** A browser of its own for each, so that none inherits the memory or the caches of another. */
async function measured(name: string, measure: Measure): Promise<Result[]> {
  const browser = await launch();
  console.error(`measuring: ${name}`);
  try {
    return await measure(browser, world);
  } catch (error) {
    // What could not be measured does not hold.
    const problem = error instanceof Error ? error.message : String(error);
    return [result(name, Number.POSITIVE_INFINITY, 0, '', { problem })];
  } finally {
    await browser.close();
  }
}
