// The first visit with nothing in the browser's cache: what is transferred, when something is there.
import { get } from 'node:http';
import type { Browser, Page } from 'playwright-core';
import { median, type Result, result, rounded, signIn, url, type World, worst } from './world.ts';

const ROUNDS = 7;
const BYTES_MAX = 150_000;
const MEANINGFUL_MS_MAX = 1000;
/** A file of the page that the server sends as it is: the least that a first visit can cost. */
const FLOOR = '/theme.js';
/** The services, or the sentence that there are none. */
const MEANINGFUL = 'section[aria-labelledby=services] :is(tbody tr, p)';

interface Visit {
  files: number;
  answers: number;
  requests: number;
  meaningful: number;
}

export async function firstLoad(browser: Browser, world: World): Promise<Result[]> {
  const visits: Visit[] = [];
  const floors: number[] = [];
  // The first round also starts what the browser starts once.
  for (let round = 0; round <= ROUNDS; round++) {
    const visit = await visitOnce(browser);
    const floor = await floorOnce(browser);
    if (round === 0) continue;
    visits.push(visit);
    floors.push(floor);
  }
  const times = visits.map(({ meaningful }) => meaningful);
  const bytes = visits.map(({ files, answers }) => files + answers);
  const details = {
    median_ms: median(times),
    samples_ms: rounded(times),
    floor_median_ms: median(floors),
    times_the_floor: median(times) / median(floors),
  };
  const beside = world.applications > 0 ? ` beside ${world.applications} applications` : '';
  return [
    result(`first load${beside}, transferred, worst`, worst(bytes) / 1000, BYTES_MAX / 1000, 'kB', {
      files_bytes: visits.map(({ files }) => files),
      answers_bytes: visits.map(({ answers }) => answers),
      requests: visits.map(({ requests }) => requests),
    }),
    result(`first content${beside}, worst`, worst(times), MEANINGFUL_MS_MAX, 'ms', details),
  ];
}

async function visitOnce(browser: Browser): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await signIn(context);
  const page = await context.newPage();
  const transferred = await watchTransfers(page);
  await page.addInitScript(tellWhenPainted, MEANINGFUL);
  await page.goto(url, { waitUntil: 'load' });
  const meaningful = await paintedAt(page);
  // What the page still asks for belongs to the first visit.
  await page.waitForTimeout(1000);
  const visit = transferred();
  const worker = await workerBytes(browser);
  await context.close();
  return { ...visit, files: visit.files + worker, meaningful };
}

async function floorOnce(browser: Browser): Promise<number> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await signIn(context);
  const page = await context.newPage();
  await page.addInitScript(tellWhenPainted, 'pre');
  await page.goto(url + FLOOR, { waitUntil: 'load' });
  const painted = await paintedAt(page);
  await context.close();
  return painted;
}

/** Keeps the time, from the navigation on, at which what was waited for had been painted. */
function tellWhenPainted(selector: string): void {
  const told = globalThis as unknown as { paintedAt?: number };
  const look = (): void => {
    if (!document.querySelector(selector)) {
      requestAnimationFrame(look);
      return;
    }
    // A message posted in a frame is handled after that frame was painted.
    requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = () => {
        told.paintedAt = performance.now();
      };
      channel.port2.postMessage(null);
    });
  };
  requestAnimationFrame(look);
}

async function paintedAt(page: Page): Promise<number> {
  const kept = await page.waitForFunction(
    () => (globalThis as unknown as { paintedAt?: number }).paintedAt,
  );
  return (await kept.jsonValue()) ?? Number.POSITIVE_INFINITY;
}

/** Counts the bytes on the line, headers and compression as they are. */
async function watchTransfers(page: Page): Promise<() => Omit<Visit, 'meaningful'>> {
  const session = await page.context().newCDPSession(page);
  const addresses = new Map<string, string>();
  const counted = { files: 0, answers: 0, requests: 0 };
  session.on('Network.requestWillBeSent', ({ requestId, request }) => {
    addresses.set(requestId, request.url);
  });
  session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    const isAnswer = addresses.get(requestId)?.includes('/api/');
    counted[isAnswer ? 'answers' : 'files'] += encodedDataLength;
    counted.requests += 1;
  });
  await session.send('Network.enable');
  return () => counted;
}

/** The browser loads the worker's file outside of the page; it is asked for once more to be weighed. */
async function workerBytes(browser: Browser): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const { targetInfos } = await session.send('Target.getTargets');
  await session.detach();
  const worker = targetInfos.find(({ type }) => type === 'shared_worker');
  if (!worker) throw new Error('the page has no shared worker');
  return new Promise((resolve, reject) => {
    const headers = { 'accept-encoding': 'gzip', connection: 'close' };
    const request = get(worker.url, { headers, agent: false }, (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.socket.bytesRead));
    });
    request.on('error', reject);
  });
}
