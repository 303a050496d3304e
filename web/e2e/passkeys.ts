// Joins, signs in and looks after passkeys with Chromium's virtual authenticator, in both languages, on a
// fresh server each time. The program is BOUCLE_BINARY; prints each step with its seconds.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, CDPSession, Locator, Page } from 'playwright-core';
import { en } from '../src/messages/en.ts';
import { enPasskeys } from '../src/messages/en-passkeys.ts';
import { fr } from '../src/messages/fr.ts';
import { frPasskeys } from '../src/messages/fr-passkeys.ts';
import { findings } from './axe.ts';
import { launch } from './browser.ts';
import { type Hands, keyboard, pointer } from './hands.ts';

/** A state that has not come after this long never will. */
const PATIENCE_MS = 30_000;
const LINK = /http:\/\/127\.0\.0\.1:\d+\/setup#\S+/;
const WORDS = {
  en: { ...en, passkeys: enPasskeys },
  fr: { ...fr, passkeys: frPasskeys as typeof enPasskeys },
};
/** What the server says, in the language of the page. */
const LAST = {
  en: 'nothing would let you in',
  fr: 'plus rien ne vous laisserait entrer',
};

interface Look {
  language: 'en' | 'fr';
  theme: 'light' | 'dark';
  width: number;
  by: 'pointer' | 'keyboard';
}

interface Scene extends Look {
  page: Page;
  hands: Hands;
  words: (typeof WORDS)['en'];
  /** The one-time link as the server printed it, under its address. */
  link: string;
  device: Device;
  server: Fresh;
}

/** A server that nobody had used. */
interface Fresh {
  link: string;
  restart: () => Promise<void>;
  stop: () => Promise<void>;
}

/** What stands for a device's keys. */
interface Device {
  session: CDPSession;
  id: string;
}

/** Where a picture of each screen that was looked at goes, when somebody wants them. */
const pictures = process.env.PICTURES;
let pictured = 0;

const LOOKS: Look[] = [
  { language: 'en', theme: 'light', width: 1440, by: 'pointer' },
  { language: 'fr', theme: 'dark', width: 360, by: 'keyboard' },
];

const STEPS: Record<string, (scene: Scene) => Promise<void>> = {
  'an address of numbers has a sentence and a link': async ({ page, words, link }) => {
    await page.goto(link);
    await page.getByText(words.passkeys.needName).waitFor();
    const button = page.getByRole('button', { name: words.passkeys.begin });
    assert.equal(await button.count(), 0, 'a button that cannot work');
    await fits(page);
  },

  'the link leads to the same page by its name': async ({ page, hands, words, link }) => {
    await hands.press(page.getByRole('link', { name: words.passkeys.openByName }));
    await page.getByRole('button', { name: words.passkeys.begin }).waitFor();
    assert.equal(page.url(), link.replace('127.0.0.1', 'localhost'));
    await fits(page);
  },

  'a cancelled passkey leaves the link unused': async ({ page, hands, words, device }) => {
    await hands.write(page.getByLabel(words.session.name, { exact: true }), 'ada');
    await verified(device, false);
    await hands.press(page.getByRole('button', { name: words.passkeys.begin }));
    await page.getByText(words.problems.codes['passkey-cancelled']).waitFor();
    await verified(device, true);
  },

  'begin with a passkey': async ({ page, hands, words, device }) => {
    await hands.press(page.getByRole('button', { name: words.passkeys.begin }));
    await page.locator('header [role=status]', { hasText: words.connection.live }).waitFor();
    assert.equal((await keys(device)).length, 1);
    assert.ok((await keys(device))[0]?.isResidentCredential, 'it names its owner');
  },

  'sign out, and in with it': async ({ page, hands, words, device }) => {
    await hands.press(page.getByRole('button', { name: words.session.signOut }));
    const before = (await keys(device))[0]?.signCount ?? 0;
    await hands.press(page.getByRole('button', { name: words.passkeys.signIn }));
    await page.locator('header [role=status]', { hasText: words.connection.live }).waitFor();
    assert.ok(((await keys(device))[0]?.signCount ?? 0) > before, 'the authenticator signed');
  },

  'the settings show it': async ({ page, words }) => {
    await page.goto(`${new URL(page.url()).origin}/settings?tab=people`);
    await page.getByRole('heading', { name: words.passkeys.title }).waitFor();
    await list(page).getByText(words.passkeys.used).waitFor();
    assert.equal(await rows(page).count(), 1);
    await fits(page);
  },

  'the same device has one already': async ({ page, hands, words }) => {
    await hands.press(page.getByRole('button', { name: words.passkeys.add }));
    await page.getByText(words.problems.codes['passkey-known']).waitFor();
  },

  'the last way in stays': async ({ language, page, hands, words }) => {
    await remove(page, hands, words, rows(page).first());
    const dialog = page.getByRole('dialog');
    await dialog.getByText(LAST[language]).waitFor();
    await dialog.getByText(words.problems.nexts['last-way-in']).waitFor();
    await fits(page);
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    assert.equal(await rows(page).count(), 1);
  },

  'add a second on another device': async (scene) => {
    const { page, hands, words } = scene;
    await scene.device.session.send('WebAuthn.removeVirtualAuthenticator', {
      authenticatorId: scene.device.id,
    });
    scene.device = await device(scene.device.session);
    await hands.write(page.getByLabel(words.passkeys.label), 'Second');
    await hands.press(page.getByRole('button', { name: words.passkeys.add }));
    await rows(page).filter({ hasText: 'Second' }).waitFor();
    await list(page).getByText(words.passkeys.neverUsed).waitFor();
    await fits(page);
  },

  'remove the first, and keep the second': async ({ page, hands, words }) => {
    const first = rows(page).filter({ hasNotText: 'Second' });
    await remove(page, hands, words, first);
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await first.waitFor({ state: 'detached' });
    assert.equal(await rows(page).count(), 1);
  },

  'sign in with the second': async ({ page, hands, words }) => {
    await hands.press(page.getByRole('button', { name: words.session.signOut }));
    await hands.press(page.getByRole('button', { name: words.passkeys.signIn }));
    await page.locator('header [role=status]', { hasText: words.connection.live }).waitFor();
  },

  'it is there after a restart': async ({ page, hands, words, server }) => {
    await hands.press(page.getByRole('button', { name: words.session.signOut }));
    await page.getByRole('button', { name: words.passkeys.signIn }).waitFor();
    await server.restart();
    await page.reload();
    await hands.press(page.getByRole('button', { name: words.passkeys.signIn }));
    await page.locator('header [role=status]', { hasText: words.connection.live }).waitFor();
  },

  'join by an invitation': async ({ page, hands, words }) => {
    const { link } = await asks<{ link: string }>(page, '/people', { name: 'grace' });
    await hands.press(page.getByRole('button', { name: words.session.signOut }));
    await page.getByRole('button', { name: words.passkeys.signIn }).waitFor();
    await page.goto(link.replace('127.0.0.1', 'localhost'));
    await hands.write(page.getByLabel(words.session.name, { exact: true }), 'grace');
    await hands.press(page.getByRole('button', { name: words.passkeys.begin }));
    await page.locator('header [role=status]', { hasText: words.connection.live }).waitFor();
    assert.equal((await asks<{ name: string }>(page, '/session')).name, 'grace');
  },

  'a device without a passkey signs nobody in': async (scene) => {
    const { page, hands, words } = scene;
    await hands.press(page.getByRole('button', { name: words.session.signOut }));
    await page.getByRole('button', { name: words.passkeys.signIn }).waitFor();
    const { session, id } = scene.device;
    await session.send('WebAuthn.clearCredentials', { authenticatorId: id });
    await hands.press(page.getByRole('button', { name: words.passkeys.signIn }));
    await page.getByText(words.problems.codes['passkey-cancelled']).waitFor();
    await fits(page);
  },
};

const wanted = process.argv[2];
const browser = await launch();
const played: { name: string; seconds: number; problem?: string }[] = [];
for (const look of LOOKS) {
  if (!wanted || wanted === look.language) await play(browser, look);
}
await browser.close();
console.log(JSON.stringify({ steps: played }, null, 2));
process.exitCode = played.length === 0 || played.some(({ problem }) => problem) ? 1 : 0;

async function play(within: Browser, look: Look): Promise<void> {
  const server = await fresh();
  const context = await within.newContext({
    viewport: { width: look.width, height: 800 },
    colorScheme: look.theme,
    locale: look.language === 'fr' ? 'fr-FR' : 'en-GB',
  });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const faults: string[] = [];
  page.on('pageerror', ({ message }) => faults.push(message));
  const session = await context.newCDPSession(page);
  await session.send('WebAuthn.enable');
  const hands = look.by === 'keyboard' ? keyboard(page) : pointer(page);
  const words = WORDS[look.language] as (typeof WORDS)['en'];
  const own = await device(session);
  const { link } = server;
  const scene: Scene = { ...look, page, hands, words, link, server, device: own };
  for (const [step, act] of Object.entries(STEPS)) {
    const begun = performance.now();
    const problem = await act(scene).then(
      () => faults[0],
      (error: unknown) => String(error instanceof Error ? (error.stack ?? error) : error),
    );
    const seconds = Number(((performance.now() - begun) / 1000).toFixed(2));
    const name = `${look.language}: ${step}`;
    played.push({ name, seconds, ...(problem ? { problem } : {}) });
    console.error(`${problem ? 'failed' : 'passed'} ${name} in ${seconds} s ${problem ?? ''}`);
    if (problem) break;
  }
  await context.close();
  await server.stop();
}

/** A device with keys of its own, which its owner unlocks. */
async function device(session: CDPSession): Promise<Device> {
  const { authenticatorId: id } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
  return { session, id };
}

async function verified({ session, id }: Device, is: boolean): Promise<void> {
  await session.send('WebAuthn.setUserVerified', { authenticatorId: id, isUserVerified: is });
}

interface Key {
  isResidentCredential: boolean;
  signCount: number;
}

async function keys({ session, id }: Device): Promise<Key[]> {
  const { credentials } = await session.send('WebAuthn.getCredentials', { authenticatorId: id });
  return credentials;
}

function list(page: Page): Locator {
  return page.locator('section[aria-labelledby=passkeys] ul');
}

function rows(page: Page): Locator {
  return list(page).locator('li');
}

async function remove(
  page: Page,
  hands: Hands,
  words: Scene['words'],
  row: Locator,
): Promise<void> {
  await hands.press(row.getByRole('button'));
  const confirm = page.getByRole('dialog').getByRole('button', {
    name: words.passkeys.removeDo,
    exact: true,
  });
  await hands.press(confirm);
}

/** As wide as the screen, and nothing that axe calls serious. */
async function fits(page: Page): Promise<void> {
  const beyond = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  assert.ok(beyond <= 0, `${beyond} pixels too wide`);
  assert.deepEqual(await findings(page), []);
  if (pictures) await page.screenshot({ path: join(pictures, `${pictured++}.png`) });
}

/** Asks the interface as the page does, in its session. */
async function asks<T>(page: Page, path: string, body?: object): Promise<T> {
  const text = body ? JSON.stringify(body) : null;
  const answer = await page.evaluate(
    async ([to, given]) => {
      const headers = { 'content-type': 'application/json' };
      const request = given === null ? {} : { method: 'POST', headers, body: given };
      return (await fetch(`/api/v1${to}`, request)).json();
    },
    [path, text] as const,
  );
  return answer as T;
}

/** A server that nobody has used, with its one-time link. */
async function fresh(): Promise<Fresh> {
  const binary = process.env.BOUCLE_BINARY;
  assert.ok(binary, 'BOUCLE_BINARY is the program');
  const data = mkdtempSync(join(tmpdir(), 'boucle-passkeys-'));
  const start = (port: string): ChildProcess =>
    spawn(binary, ['up', '--port', port, '--data', data], { stdio: ['ignore', 'pipe', 'inherit'] });
  let child = start('0');
  const link = await printed(child);
  const end = async (): Promise<void> => {
    if (child.exitCode === null && child.kill('SIGTERM')) await once(child, 'exit');
  };
  const restart = async (): Promise<void> => {
    await end();
    child = start(new URL(link).port);
    assert.equal(new URL(await printed(child)).port, new URL(link).port);
  };
  const stop = async (): Promise<void> => {
    await end();
    rmSync(data, { recursive: true, force: true });
  };
  return { link, restart, stop };
}

/** The link, as soon as its line is whole. What comes after it is read, too: nobody may be kept waiting. */
function printed(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    child.stdout?.on('data', (part) => {
      text += String(part);
      const link = LINK.exec(text);
      if (link && text.slice(link.index).includes('\n')) resolve(link[0]);
    });
    child.once('exit', () => reject(new Error(`the server ended without a link: ${text}`)));
  });
}
