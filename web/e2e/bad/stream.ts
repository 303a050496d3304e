// A stream that drops every five seconds, and a server that begins again: nothing is lost, nothing flickers.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { en } from '../../src/messages/en.ts';
import { between } from './between.ts';
import { ask, forget, newRepository, push, type Server, write } from './server.ts';
import { assertFaultless, go, visit } from './visit.ts';

const CUT_AFTER_MS = 5_000;
const CUTS = 3;
const FACT_EVERY_MS = 300;
const STATUS = 'header [role=status]';

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export async function dropping(browser: Browser, tag: string): Promise<void> {
  const copy = await newRepository(`bad/stream-${tag}`);
  const proxy = await between({ cutAfterMs: CUT_AFTER_MS });
  try {
    write(copy, { 'README.md': 'Stream.\n' });
    push(copy, 'Begin');
    const { page, faults, close } = await visit(browser, { url: proxy.url });
    await go(page, '/timeline');
    await page.locator(STATUS, { hasText: en.connection.live }).waitFor();
    await watch(page);
    const names: string[] = [];
    while (proxy.cut() < CUTS) {
      const name = `drop-${tag}-${names.length}`;
      names.push(name);
      await ask('POST', '/tokens', { name, kind: 'machine', role: 'read', valid_days: 1 });
      await pause(FACT_EVERY_MS);
    }
    assert.ok(names.length > 2 * CUTS, 'there were facts before and after each cut');
    const last = page.locator('main li', { hasText: names.at(-1) ?? '' });
    await last.first().waitFor();
    const lines = await page.locator('main li').allInnerTexts();
    for (const name of names) {
      const found = lines.filter((line) => new RegExp(`\\b${name}\\b`).test(line)).length;
      assert.equal(found, 1, `${name} is told ${found} times`);
    }
    assert.deepEqual(await seenWords(page), [en.connection.live], 'the word for the line flickers');
    assert.equal(await page.locator('main [role=alert]').count(), 0);
    assertFaultless(faults);
    await close();
  } finally {
    proxy.close();
    forget(copy);
  }
}

interface Watched {
  words: Set<string>;
}

/** Writes down every word that stands for the connection from now on. */
async function watch(page: Page): Promise<void> {
  await page.evaluate((selector) => {
    const status = document.querySelector(selector);
    if (!status) throw new Error('nothing tells of the connection');
    const watched = {
      words: new Set<string>(),
      look(): void {
        watched.words.add((status.textContent ?? '').replace(/[●○]/g, '').trim());
      },
    };
    Object.assign(globalThis, { watched });
    watched.look();
    new MutationObserver(watched.look).observe(status, {
      childList: true,
      characterData: true,
      subtree: true,
    });
  }, STATUS);
}

function seenWords(page: Page): Promise<string[]> {
  return page.evaluate(() => [
    ...(globalThis as unknown as { watched: Watched }).watched.words.values(),
  ]);
}

interface Running extends Server {
  process: ChildProcess;
}

/** The page says that the server is away, and goes on when it is back: with what happened since. */
export async function restarting(browser: Browser, tag: string): Promise<void> {
  const binary = process.env.BOUCLE_BINARY;
  assert.ok(binary, 'name the program in BOUCLE_BINARY');
  const data = mkdtempSync(join(tmpdir(), 'boucle-bad-input-'));
  const port = await freePort();
  let server = await start(binary, data, port);
  const proxy = await between({ server: server.url });
  try {
    const { page, faults, close } = await visit(browser, {
      url: proxy.url,
      session: server.token,
    });
    await go(page, '/timeline');
    await page.locator(STATUS, { hasText: en.connection.live }).waitFor();
    await stop(server);
    const notice = page.getByText(en.connection.awayNotice);
    await notice.waitFor();
    await page.locator(STATUS, { hasText: en.connection.away }).waitFor();
    // Going elsewhere while nobody answers says why there is nothing, and mends itself.
    await page.getByRole('link', { name: en.sections.incidents, exact: true }).click();
    const failure = page.getByText(en.problems.codes.unreachable, { exact: true });
    await failure.waitFor();
    server = await start(binary, data, port);
    await ask('POST', '/repositories', { name: `bad/restart-${tag}` }, server);
    await page.locator(STATUS, { hasText: en.connection.live }).waitFor();
    await notice.waitFor({ state: 'detached' });
    await failure.waitFor({ state: 'detached' });
    await page.getByRole('link', { name: en.sections.timeline, exact: true }).click();
    await page
      .locator('main li', { hasText: `bad/restart-${tag}` })
      .first()
      .waitFor();
    assertFaultless(faults);
    await close();
  } finally {
    proxy.close();
    await stop(server);
    rmSync(data, { recursive: true, force: true });
  }
}

async function start(binary: string, data: string, port: number): Promise<Running> {
  const child = spawn(binary, ['up', '--data', data, '--port', String(port)], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  for (;;) {
    assert.equal(child.exitCode, null, 'the server ended while it began');
    const answer = await fetch(`${url}/healthz`).catch(() => null);
    if (answer?.ok) break;
    await pause(100);
  }
  return { url, token: readFileSync(join(data, 'token'), 'utf8').trim(), process: child };
}

async function stop({ process: child }: Running): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}
