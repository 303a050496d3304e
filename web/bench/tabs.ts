// Many tabs: every one is live, and all of them together hold one event stream.
import type { Browser, BrowserContext, CDPSession, Page } from 'playwright-core';
import { ask, type Result, result, signIn, url } from './world.ts';

const TABS = 12;
const ADDRESSES = ['/timeline', '/', '/runs', '/repositories', '/incidents', '/timeline'];
const STREAM = '/api/v1/events';

export async function tabs(browser: Browser): Promise<Result[]> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  await signIn(context);
  const streams = new Set<string>();
  const workers = await watchWorkers(browser, streams);
  const begun = performance.now();
  const pages: Page[] = [];
  for (let tab = 0; tab < TABS; tab++) {
    pages.push(await openTab(context, ADDRESSES[tab % ADDRESSES.length] ?? '/', streams));
  }
  const opened = performance.now() - begun;
  const live = await countLive(pages);
  const reached = await countReached(pages);
  const details = {
    tabs: TABS,
    live,
    timelines_that_showed_a_fact: reached,
    shared_workers: workers.count(),
    opened_ms: Math.round(opened),
    how: 'requests for the stream that have not ended, in every tab and every shared worker',
  };
  await workers.stop();
  await context.close();
  // A tab that is not live, or that a fact does not reach, would make one stream worth nothing.
  const timelines = pages.filter((_, tab) => ADDRESSES[tab % ADDRESSES.length] === '/timeline');
  const good = live === TABS && reached === timelines.length && streams.size > 0;
  const value = good ? streams.size : Number.POSITIVE_INFINITY;
  return [result(`event streams of ${TABS} tabs`, value, 1, '', details)];
}

async function openTab(context: BrowserContext, path: string, streams: Set<string>): Promise<Page> {
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  session.on('Network.requestWillBeSent', ({ requestId, request }) => {
    if (request.url.includes(STREAM)) streams.add(requestId);
  });
  session.on('Network.loadingFinished', ({ requestId }) => streams.delete(requestId));
  session.on('Network.loadingFailed', ({ requestId }) => streams.delete(requestId));
  await session.send('Network.enable');
  await page.goto(url + path);
  await page.locator('main h1').waitFor();
  return page;
}

async function countLive(pages: Page[]): Promise<number> {
  let live = 0;
  for (const page of pages) {
    const word = page.locator('header [role=status]', { hasText: '●' });
    const isLive = word.waitFor({ timeout: 10_000 }).then(
      () => true,
      () => false,
    );
    if (await isLive) live++;
  }
  return live;
}

/** How many of the timelines show a new fact. */
async function countReached(pages: Page[]): Promise<number> {
  const name = `bench/tabs-${process.pid}`;
  await ask('POST', '/repositories', { name });
  let reached = 0;
  for (const page of pages.filter((one) => one.url().endsWith('/timeline'))) {
    const shown = page.locator('main li', { hasText: name }).first();
    const isShown = shown.waitFor({ timeout: 10_000 }).then(
      () => true,
      () => false,
    );
    if (await isShown) reached++;
  }
  return reached;
}

interface Message {
  id?: number;
  method?: string;
  params?: { requestId: string; request?: { url: string } };
}

/** Watches what shared workers ask for. One that was missed leaves no stream, which is no success. */
async function watchWorkers(
  browser: Browser,
  streams: Set<string>,
): Promise<{ count: () => number; stop: () => Promise<void> }> {
  const session = await browser.newBrowserCDPSession();
  let workers = 0;
  session.on('Target.receivedMessageFromTarget', ({ message }) => {
    const { method, params } = JSON.parse(message) as Message;
    if (!params) return;
    const id = `worker ${params.requestId}`;
    if (method === 'Network.requestWillBeSent' && params.request?.url.includes(STREAM)) {
      streams.add(id);
    } else if (method === 'Network.loadingFinished' || method === 'Network.loadingFailed') {
      streams.delete(id);
    }
  });
  session.on('Target.targetCreated', ({ targetInfo: { targetId, type } }) => {
    if (type !== 'shared_worker') return;
    workers++;
    void watchWorker(session, targetId);
  });
  await session.send('Target.setDiscoverTargets', { discover: true });
  return { count: () => workers, stop: () => session.detach() };
}

async function watchWorker(session: CDPSession, targetId: string): Promise<void> {
  const { sessionId } = await session.send('Target.attachToTarget', { targetId, flatten: false });
  const message = JSON.stringify({ id: 1, method: 'Network.enable' });
  await session.send('Target.sendMessageToTarget', { sessionId, message });
}
