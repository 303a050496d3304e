// A session that ends while somebody writes, and two people who change the same file.
import assert from 'node:assert/strict';
import type { Browser, Page } from 'playwright-core';
import { en } from '../../src/messages/en.ts';
import { enScreens } from '../../src/messages/en-screens.ts';
import { ask, type Copy, forget, git, given, newRepository, open, push, write } from './server.ts';
import { assertFaultless, go, visit } from './visit.ts';

const { repositories, pullRequests, edit } = enScreens;
const COMMENT = 'A long remark that nobody wants to write twice.';

export async function expired(browser: Browser, tag: string): Promise<void> {
  const copy = await newRepository(`bad/session-${tag}`);
  try {
    const number = await aChange(copy);
    const name = `bad-${tag}`;
    const password = `${name} has a password`;
    const { page, faults, close } = await visit(browser, { session: '' });
    await join(page, name, password);
    await go(page, `/repositories/${copy.name}/pull-requests/${number}`);
    const field = page.getByRole('textbox', { name: pullRequests.write });
    await field.fill(COMMENT);
    await endSession(page);
    await isSentToSignIn(page, pullRequests.comment);
    await page.getByText(en.session.over).waitFor();
    await signIn(page, name, password);
    await field.waitFor();
    assert.equal(await field.inputValue(), COMMENT, 'the remark is there again');
    await page.locator('header [role=status]', { hasText: en.connection.live }).waitFor();
    await page.getByRole('button', { name: pullRequests.comment, exact: true }).click();
    await page.locator('main ol li', { hasText: COMMENT }).waitFor();
    assert.equal(await field.inputValue(), '', 'what was sent is a draft no more');
    await anEditSurvives(page, copy, name, password);
    assertFaultless(faults);
    await close();
  } finally {
    forget(copy);
  }
}

async function aChange(copy: Copy): Promise<number> {
  write(copy, { 'setting.yaml': LINES.join('\n') });
  push(copy, 'Begin');
  git(copy, 'checkout', '--quiet', '-b', 'change');
  write(copy, { 'other.txt': 'another file\n' });
  push(copy, 'Change', 'change');
  git(copy, 'checkout', '--quiet', 'main');
  return open(copy, 'change');
}

/** A file that is being edited is a draft too, which the next session finds. */
async function anEditSurvives(
  page: Page,
  copy: Copy,
  name: string,
  password: string,
): Promise<void> {
  await go(page, editAddress(copy));
  await type(page, 'before-the-end: 1');
  await page.getByLabel(repositories.changeTitle).fill('Edit before the end');
  await endSession(page);
  await isSentToSignIn(page, repositories.propose);
  await signIn(page, name, password);
  await page.locator('.cm-line', { hasText: 'before-the-end: 1' }).waitFor();
  await page.getByRole('button', { name: repositories.propose, exact: true }).click();
  await page.getByRole('heading', { name: 'Edit before the end' }).waitFor();
}

async function join(page: Page, name: string, password: string): Promise<void> {
  const { link } = await ask<{ link: string }>('POST', '/people', { name, role: 'admin' });
  const { pathname, hash } = new URL(link);
  await page.goto(pathname + hash);
  await page.getByLabel(en.session.name, { exact: true }).fill(name);
  await page.getByLabel(en.session.password, { exact: true }).fill(password);
  await page.getByRole('button', { name: en.session.begin, exact: true }).click();
  await page.getByRole('heading', { name: en.home.services }).waitFor();
}

/** As if it had been ended elsewhere: the page does not know. */
async function endSession(page: Page): Promise<void> {
  const cookies = await page.context().cookies();
  const session = cookies.find(({ name }) => name === 'boucle_session')?.value;
  assert.ok(session, 'the session has no cookie');
  const headers = { cookie: `boucle_session=${session}`, origin: given.url };
  const answer = await fetch(`${given.url}/api/v1/session`, { method: 'DELETE', headers });
  assert.ok(answer.ok, `the session could not be ended: ${answer.status}`);
}

/** By the refusal of what is sent, or by the stream, which may be told of the end before it is sent. */
async function isSentToSignIn(page: Page, button: string): Promise<void> {
  const title = page.getByRole('heading', { name: en.session.title, exact: true });
  const sent = page.getByRole('button', { name: button, exact: true }).click();
  await Promise.race([sent.catch(() => undefined), title.waitFor()]);
  await title.waitFor();
}

async function signIn(page: Page, name: string, password: string): Promise<void> {
  await page.getByLabel(en.session.name, { exact: true }).fill(name);
  await page.getByLabel(en.session.password, { exact: true }).fill(password);
  await page.getByRole('button', { name: en.session.submit, exact: true }).first().click();
}

const LINES = Array.from({ length: 12 }, (_, index) => `key-${index + 1}: old`);

function editAddress(copy: Copy): string {
  return `/repositories/${copy.name}?path=setting.yaml&kind=file&mode=edit`;
}

/** Types a line at the end of the file. */
async function type(page: Page, line: string): Promise<void> {
  const editor = page.getByRole('textbox', { name: 'setting.yaml' });
  await editor.click();
  await page.keyboard.press('Control+End');
  await page.keyboard.press('Enter');
  await page.keyboard.type(line);
}

export async function twoPeople(browser: Browser, tag: string): Promise<void> {
  const copy = await newRepository(`bad/two-people-${tag}`);
  try {
    write(copy, { 'setting.yaml': LINES.join('\n') });
    push(copy, 'Begin');
    const { page, faults, close } = await visit(browser);
    await otherLines(page, copy);
    await sameLine(page, copy);
    await leaveByKeyboard(page, copy);
    assertFaultless(faults);
    await close();
  } finally {
    forget(copy);
  }
}

/** The other pushes while one types; one's own line goes on top of theirs. */
async function otherLines(page: Page, copy: Copy): Promise<void> {
  await go(page, editAddress(copy));
  await type(page, 'mine: 1');
  write(copy, { 'setting.yaml': LINES.join('\n').replace('key-1: old', 'key-1: theirs') });
  push(copy, 'Theirs');
  await page.getByText(edit.movedOn).waitFor();
  await page.locator('tr', { hasText: 'key-1: theirs' }).waitFor();
  await page.locator('.cm-line', { hasText: 'mine: 1' }).waitFor();
  await page.reload();
  await page.locator('.cm-line', { hasText: 'mine: 1' }).waitFor();
  await page.getByRole('button', { name: edit.carry, exact: true }).click();
  await page.locator('.cm-line', { hasText: 'key-1: theirs' }).waitFor();
  await page.locator('.cm-line', { hasText: 'mine: 1' }).waitFor();
  await propose(page, 'Add mine');
  await page.getByRole('button', { name: pullRequests.tabs.source, exact: true }).click();
  await page.locator('main tr', { hasText: 'mine: 1' }).waitFor();
  assert.equal(
    await page.locator('main tr', { hasText: 'key-1: old' }).count(),
    0,
    'what the other changed stays',
  );
}

/** Both change one line: the page cannot join them, keeps both texts, and lets the person go on. */
async function sameLine(page: Page, copy: Copy): Promise<void> {
  await go(page, editAddress(copy));
  const line = page.locator('.cm-line', { hasText: 'key-12: old' });
  await line.click();
  await page.keyboard.press('End');
  await page.keyboard.type('-and-mine');
  const text = LINES.join('\n').replace('key-1: old', 'key-1: theirs');
  write(copy, { 'setting.yaml': text.replace('key-12: old', 'key-12: theirs') });
  push(copy, 'Theirs again');
  await page.getByText(edit.sameLines).waitFor();
  assert.equal(await page.getByRole('button', { name: edit.carry }).count(), 0);
  const button = page.getByRole('button', { name: repositories.propose, exact: true });
  assert.ok(await button.isDisabled(), 'nobody overwrites what they have not seen');
  await page.getByRole('button', { name: edit.keepMine, exact: true }).click();
  await propose(page, 'Mine after all');
  await page.getByRole('button', { name: pullRequests.tabs.source, exact: true }).click();
  await page.locator('main tr', { hasText: 'key-12: old-and-mine' }).waitFor();
  await page.locator('main tr', { hasText: 'key-12: theirs' }).waitFor();
}

async function propose(page: Page, title: string): Promise<void> {
  await page.getByLabel(repositories.changeTitle).fill(title);
  await page.getByRole('button', { name: repositories.propose, exact: true }).click();
  await page.getByRole('heading', { name: title }).waitFor();
}

/** Tab indents in the editor; Escape and Tab leave it, as its description says. */
async function leaveByKeyboard(page: Page, copy: Copy): Promise<void> {
  await go(page, editAddress(copy));
  const editor = page.getByRole('textbox', { name: 'setting.yaml', description: edit.hint });
  await editor.click();
  await page.keyboard.press('Tab');
  assert.ok(await isFocused(page), 'Tab stays in the editor');
  await page.keyboard.press('Control+z');
  await page.keyboard.press('Escape');
  await page.keyboard.press('Tab');
  assert.ok(!(await isFocused(page)), 'Escape, then Tab leaves the editor');
}

function isFocused(page: Page): Promise<boolean> {
  return page.evaluate(() => document.activeElement?.closest('.cm-editor') !== null);
}
