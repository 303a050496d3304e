// Scrolls through something long with a wheel, and measures each frame while it moves.
import type { Browser, Page } from 'playwright-core';
import {
  median,
  pause,
  percentile,
  type Result,
  result,
  signIn,
  url,
  type World,
  worst,
} from './world.ts';

const LIMIT_MS = 50;
/** A turn of the wheel comes with every frame of a usual screen. */
const TURN_MS = 16;
/** So many turns go through the whole, and so many at three places go as a hand does. */
const TURNS_WHOLE = 400;
const TURNS_BY_HAND = 100;
const HAND_PIXELS = 120;
const HOW =
  'real wheel events by the debugging interface, one per 16 ms; intervals between frames by ' +
  'requestAnimationFrame; 100 turns of 120 pixels at the beginning, middle and end, and 400 turns ' +
  'through the whole; in each frame the middle of the view must show a line';

interface Long {
  /** What scrolls: an element, or the page itself when empty. */
  box: string;
  /** What a line is. */
  line: string;
  /** What the last line says. */
  last: string;
}

interface Frames {
  intervals: number[];
  blank: number;
}

export async function scrollDifference(browser: Browser, world: World): Promise<Result[]> {
  const { page, ready } = await open(browser, `${world.difference}?tab=source`, 'main table tr td');
  const more = page.getByRole('button', { name: /more lines|lignes de plus/ });
  if (await more.count()) await more.click();
  const last = `title of row ${world.differenceLines / 2 - 1}`;
  const long = { box: '', line: 'main table td', last };
  const frames = await scrollThrough(page, long);
  const floor = await floorOf(browser, await heightOf(page, ''));
  await page.context().close();
  const name = `frame while scrolling ${world.differenceLines} changed lines, p95`;
  return [framesResult(name, frames, floor, ready)];
}

export async function scrollLog(browser: Browser, world: World): Promise<Result[]> {
  const { page, ready } = await open(browser, world.log, '[role=log] a');
  const box = '[role=log]';
  const begun = performance.now();
  const follow = page.locator('main input[type=checkbox]').first();
  const last = String(world.logLines);
  // At first the page follows the log to its end: the whole of it is there when the last line is.
  await page.waitForFunction(isShown, { box, last }, { timeout: 300_000 });
  const whole = performance.now() - begun;
  await follow.uncheck();
  const frames = await scrollThrough(page, { box, line: '[role=log] a, [role=log] span', last });
  const floor = await floorOf(browser, await heightOf(page, box));
  await page.context().close();
  const name = `frame while scrolling ${world.logLines} log lines, p95`;
  return [framesResult(name, frames, floor, ready, { whole_after_ms: Math.round(whole) })];
}

function framesResult(
  name: string,
  { intervals, blank }: Frames,
  floor: Frames,
  ready: number,
  more: object = {},
): Result {
  const value = percentile(intervals, 95);
  const floorValue = percentile(floor.intervals, 95);
  return result(name, value, LIMIT_MS, 'ms', {
    how: HOW,
    frames: intervals.length,
    median_ms: median(intervals),
    worst_ms: worst(intervals),
    over_the_limit: intervals.filter((one) => one > LIMIT_MS).length,
    frames_without_a_line: blank,
    empty_page_p95_ms: floorValue,
    times_the_empty_page: value / floorValue,
    first_line_after_ms: Math.round(ready),
    ...more,
  });
}

async function open(
  browser: Browser,
  path: string,
  ready: string,
): Promise<{ page: Page; ready: number }> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await signIn(context);
  const page = await context.newPage();
  const begun = performance.now();
  await page.goto(url + path);
  await page.locator(ready).first().waitFor({ timeout: 120_000 });
  return { page, ready: performance.now() - begun };
}

/** As high as what was measured, with nothing in it: what the machine and the browser cost alone. */
async function floorOf(browser: Browser, height: number): Promise<Frames> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await signIn(context);
  const page = await context.newPage();
  await page.setContent(`<main style="height: ${height}px"></main>`);
  const frames = await scrollThrough(page, { box: '', line: 'main', last: '' });
  await context.close();
  return frames;
}

async function scrollThrough(page: Page, long: Long): Promise<Frames> {
  await wheelTo(page, long.box);
  const height = await heightOf(page, long.box);
  await jump(page, long.box, 0);
  await page.evaluate(keepFrames, long.line);
  await turn(page, TURNS_BY_HAND, HAND_PIXELS);
  await turn(page, TURNS_WHOLE / 2, height / TURNS_WHOLE);
  await turn(page, TURNS_BY_HAND, HAND_PIXELS);
  await turn(page, TURNS_WHOLE / 2, height / TURNS_WHOLE);
  await turn(page, TURNS_BY_HAND, -HAND_PIXELS);
  const frames = await page.evaluate(() =>
    (globalThis as unknown as { endFrames: () => Frames }).endFrames(),
  );
  // A list that did not move, or not to its end, was not measured.
  await turn(page, 10, height);
  await page.waitForFunction(isShown, { box: long.box, last: long.last }, { timeout: 10_000 });
  return frames;
}

async function turn(page: Page, turns: number, pixels: number): Promise<void> {
  for (let count = 0; count < turns; count++) {
    await Promise.all([page.mouse.wheel(0, pixels), pause(TURN_MS)]);
  }
}

async function wheelTo(page: Page, box: string): Promise<void> {
  const place = box === '' ? null : await page.locator(box).boundingBox();
  if (place) await page.mouse.move(place.x + place.width / 2, place.y + place.height / 2);
  else await page.mouse.move(720, 450);
}

function heightOf(page: Page, box: string): Promise<number> {
  return page.evaluate((selector) => {
    const scrolled = selector === '' ? document.scrollingElement : document.querySelector(selector);
    return scrolled?.scrollHeight ?? 0;
  }, box);
}

async function jump(page: Page, box: string, top: number): Promise<void> {
  const given = { selector: box, to: top };
  await page.evaluate(({ selector, to }) => {
    const scrolled = selector === '' ? document.scrollingElement : document.querySelector(selector);
    scrolled?.scrollTo({ top: to, behavior: 'instant' });
  }, given);
  await pause(500);
}

function isShown({ box, last }: { box: string; last: string }): boolean {
  const scrolled = box === '' ? document.querySelector('main') : document.querySelector(box);
  return scrolled?.textContent?.includes(last) ?? false;
}

/** Keeps the time between two frames, and how many frames had no line in the middle of the view. */
function keepFrames(line: string): void {
  const intervals: number[] = [];
  let blank = 0;
  let before = 0;
  let ended = false;
  const frame = (now: number): void => {
    if (ended) return;
    if (before > 0) intervals.push(now - before);
    before = now;
    const middle = document.elementFromPoint(innerWidth / 2, innerHeight / 2);
    if (!middle?.closest(line)) blank++;
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
  (globalThis as unknown as { endFrames: () => Frames }).endFrames = () => {
    ended = true;
    return { intervals, blank };
  };
}
