// The memory of open pages while facts come in: its slope, after garbage collection.
import type { Browser, BrowserContext, CDPSession } from 'playwright-core';
import { ask, median, pause, type Result, result, signIn, url, type World } from './world.ts';

const ADDRESSES = ['/timeline', '/', '/runs'];
/** Ten looks a minute are enough for a slope, and leave the page to itself in between. */
const LOOK_MS = 6000;
/** What code and answers cost once is not a slope. */
const WARM_UP_PART = 0.2;
/** 3 MiB in half an hour, for all pages together. */
const SLOPE_MIB_MAX = 0.1;
const MIB = 1024 * 1024;
/** Between two starts of a run, each of which is about ten facts. */
const START_MS = 1000;

interface Look {
  minute: number;
  /** Of each page. */
  mib: number[];
}

export async function memory(browser: Browser, world: World): Promise<Result[]> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await signIn(context);
  const sessions: CDPSession[] = [];
  for (const path of ADDRESSES) sessions.push(await openPage(context, path));
  const before = await sequence();
  const stream = keepBusy(world);
  const begun = performance.now();
  const looks: Look[] = [];
  const minute = (): number => (performance.now() - begun) / 60_000;
  while (minute() < world.minutes) {
    await pause(LOOK_MS);
    looks.push({ minute: minute(), mib: await Promise.all(sessions.map(heapMib)) });
  }
  const started = await stream.stop();
  const facts = (await sequence()) - before;
  const lasted = minute();
  await context.close();
  const counted = looks.filter(({ minute: at }) => at > world.minutes * WARM_UP_PART);
  const value = slope(counted.map(({ minute: at, mib }) => [at, sum(mib)]));
  const details = {
    minutes: Math.round(lasted * 10) / 10,
    facts,
    facts_per_second: Math.round((facts / lasted / 6) * 10) / 100,
    runs_started: started,
    looks: looks.length,
    first_mib: counted[0] && Math.round(sum(counted[0].mib) * 100) / 100,
    last_mib: looks.at(-1) && Math.round(sum(looks.at(-1)?.mib ?? []) * 100) / 100,
    slopes_by_page: Object.fromEntries(
      ADDRESSES.map((path, page) => [
        path,
        slope(counted.map(({ minute: at, mib }) => [at, mib[page] ?? 0])),
      ]),
    ),
    looks_mib: looks.map(({ mib }) => Math.round(sum(mib) * 100) / 100),
  };
  const name = `memory of ${ADDRESSES.length} pages, slope over ${lasted.toFixed(0)} min`;
  return [result(name, value, SLOPE_MIB_MAX, 'MiB/min', details)];
}

async function openPage(context: BrowserContext, path: string): Promise<CDPSession> {
  const page = await context.newPage();
  await page.goto(url + path);
  await page.locator('header [role=status]', { hasText: '●' }).waitFor();
  return context.newCDPSession(page);
}

async function heapMib(session: CDPSession): Promise<number> {
  await session.send('HeapProfiler.collectGarbage');
  const { usedSize } = await session.send('Runtime.getHeapUsage');
  return usedSize / MIB;
}

async function sequence(): Promise<number> {
  return (await ask<{ sequence: number }>('GET', '/status')).sequence;
}

/** Starts runs one after the other until it is stopped; tells how many. */
function keepBusy({ busy, workflow }: World): { stop: () => Promise<number> } {
  let stopping = false;
  let started = 0;
  const work = async (): Promise<number> => {
    while (!stopping) {
      await ask('POST', `/repositories/${busy}/dispatches`, { workflow });
      started++;
      await pause(START_MS);
    }
    return started;
  };
  const working = work();
  // The failure is told where the work is waited for.
  working.catch(() => undefined);
  return {
    stop: () => {
      stopping = true;
      return working;
    },
  };
}

/** The median of the slopes between all points: what is only there for a moment does not bend it. */
function slope(points: [number, number][]): number {
  const slopes = points.flatMap(([x, y], place) =>
    points.slice(place + 1).map(([otherX, otherY]) => (otherY - y) / (otherX - x)),
  );
  return median(slopes);
}

function sum(values: number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
