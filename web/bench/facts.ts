// How soon an open page shows a fact: from the answer of the request that caused it to the change.
import type { Browser, Page } from 'playwright-core';
import {
  ask,
  clock,
  median,
  pause,
  percentile,
  type Result,
  result,
  rounded,
  signIn,
  token,
  url,
} from './world.ts';

const FACTS = 60;
const LIMIT_MS = 200;
const GIVEN_UP_MS = 10_000;

interface Told {
  timeline: number;
  list: number;
  bare: number;
}

/** The timeline gets the fact itself; the list has to ask again for what the fact made stale. */
export async function facts(browser: Browser): Promise<Result[]> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await signIn(context);
  const timeline = await openLive(await context.newPage(), '/timeline');
  const list = await openLive(await context.newPage(), '/repositories');
  const bare = await bareReader();
  const told: Told[] = [];
  for (let number = 0; number < FACTS; number++) {
    const name = `bench/fact-${process.pid}-${number}`;
    const changes = Promise.all([shows(timeline, name), shows(list, name), bare.hears(name)]);
    await ask('POST', '/repositories', { name });
    const answered = clock();
    const [inTimeline, inList, inBare] = await changes;
    told.push({
      timeline: inTimeline - answered,
      list: inList - answered,
      bare: inBare - answered,
    });
    // Not in step with anything that the page does by the clock.
    await pause(150 + ((number * 37) % 200));
  }
  bare.stop();
  await context.close();
  const of = (one: keyof Told): number[] => told.map((times) => times[one]);
  const floor = percentile(of('bare'), 95);
  const line = (name: string, samples: number[]): Result =>
    result(`${name}, p95`, percentile(samples, 95), LIMIT_MS, 'ms', {
      facts: samples.length,
      median_ms: median(samples),
      worst_ms: percentile(samples, 100),
      bare_reader_p95_ms: floor,
      // Below zero: before the answer of the request.
      samples_ms: rounded(samples),
    });
  return [
    line('fact to the open timeline', of('timeline')),
    line('fact to an open list that it changes', of('list')),
  ];
}

async function openLive(page: Page, path: string): Promise<Page> {
  await page.goto(url + path);
  await page.locator('main h1').waitFor();
  await page.locator('header [role=status]', { hasText: '●' }).waitFor();
  return page;
}

/** When the page's document has this text, by the machine's clock. */
function shows(page: Page, text: string): Promise<number> {
  const given = { wanted: text, patience: GIVEN_UP_MS };
  return page.evaluate(({ wanted, patience }) => {
    const main = document.querySelector('main') ?? document.body;
    return new Promise<number>((resolve) => {
      const observer = new MutationObserver(() => {
        if (!main.textContent?.includes(wanted)) return;
        observer.disconnect();
        resolve(performance.timeOrigin + performance.now());
      });
      observer.observe(main, { childList: true, subtree: true, characterData: true });
      setTimeout(() => resolve(Number.POSITIVE_INFINITY), patience);
    });
  }, given);
}

interface BareReader {
  hears: (text: string) => Promise<number>;
  stop: () => void;
}

/** The floor: a reader of the stream that does nothing with what it hears. */
async function bareReader(): Promise<BareReader> {
  const stopping = new AbortController();
  const answer = await fetch(`${url}/api/v1/events`, {
    headers: { authorization: `Bearer ${token}` },
    signal: stopping.signal,
  });
  if (!answer.ok || !answer.body) throw new Error(`the stream answered ${answer.status}`);
  let heard = '';
  let wanted = '';
  let tell: (at: number) => void = () => undefined;
  const read = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    const decoder = new TextDecoder();
    const reader = stream.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      heard += decoder.decode(part.value, { stream: true });
      if (wanted !== '' && heard.includes(wanted)) tell(clock());
    }
  };
  read(answer.body).catch(() => undefined);
  return {
    hears: (text) => {
      heard = '';
      wanted = text;
      return new Promise((resolve) => {
        tell = resolve;
        setTimeout(() => resolve(Number.POSITIVE_INFINITY), GIVEN_UP_MS);
      });
    },
    stop: () => stopping.abort(),
  };
}
