// Files that are too large, no text, or one endless line: the page says so, stays alive, offers them.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import type { Browser, Locator, Page } from 'playwright-core';
import { clipped } from '../../src/design/clipped.ts';
import { enScreens } from '../../src/messages/en-screens.ts';
import { type Copy, forget, git, newRepository, open, push, write } from './server.ts';
import { assertFaultless, assertFits, go, longestStill, visit } from './visit.ts';

const { repositories, difference } = enScreens;
/** A page that stands still for longer is not usable; this machine also runs the server and Git. */
const STILL_MS_MAX = 1_500;
const LONG_LINE = 900_000;

/** The last line's number of a file of many lines. */
const MANY_LINES = 149_999;
const FILES = {
  'large.txt': 'a line of a large file, again and again\n'.repeat(1_310_720),
  'binary.dat': randomBytes(2_000_000),
  'zero.txt': 'a text with a byte that no text has: \0\n',
  'one-line.json': `["${'x'.repeat(5_000_000)}"]`,
  'long-line.yaml': `key: ${'y'.repeat(LONG_LINE)}\nother: 1\n`,
  'many-lines.txt': Array.from({ length: MANY_LINES + 1 }, (_, line) => `line ${line}\n`).join(''),
};
type Name = keyof typeof FILES;

export async function sizes(browser: Browser, tag: string): Promise<void> {
  const copy = await newRepository(`bad/sizes-${tag}`);
  try {
    write(copy, { 'README.md': 'Sizes.\n' });
    push(copy, 'Begin');
    git(copy, 'checkout', '--quiet', '-b', 'large');
    write(copy, FILES);
    push(copy, 'Add what is large', 'large');
    const number = await open(copy, 'large');
    for (const width of [1440, 360]) {
      const { page, faults, close } = await visit(browser, { width });
      await files(page, copy);
      await changes(page, `/repositories/${copy.name}/pull-requests/${number}?tab=source`);
      assertFaultless(faults);
      await close();
    }
  } finally {
    forget(copy);
  }
}

async function files(page: Page, copy: Copy): Promise<void> {
  const show = async (path: Name, text: string): Promise<void> => {
    await go(page, `/repositories/${copy.name}`);
    const asked = new URLSearchParams({ path, kind: 'file', revision: 'large' });
    const still = await longestStill(page, async () => {
      await page.evaluate((search) => {
        history.pushState({}, '', `?${search}`);
      }, asked.toString());
      await page.locator('main').getByText(text).first().waitFor();
    });
    assert.ok(still < STILL_MS_MAX, `${path}: the page stood still for ${still} ms`);
    await assertFits(page);
    await assertDownload(page.locator('main'), path);
  };
  await show('large.txt', repositories.tooLarge);
  await show('one-line.json', repositories.tooLarge);
  await show('many-lines.txt', repositories.tooLarge);
  await show('binary.dat', repositories.tooLarge);
  await show('zero.txt', repositories.binary);
  const left = clipped(FILES['long-line.yaml'].split('\n')[0] ?? '').left;
  await show('long-line.yaml', difference.left(left));
  await page.getByRole('button', { name: repositories.edit, exact: true }).click();
  await page.getByRole('textbox', { name: 'long-line.yaml' }).waitFor();
  await assertFits(page);
}

/** What the button gives is the file, whole. */
async function assertDownload(place: Locator, name: Name): Promise<void> {
  const [download] = await Promise.all([
    place.page().waitForEvent('download'),
    place.getByRole('link', { name: repositories.download, exact: true }).click(),
  ]);
  const { size } = statSync(await download.path());
  assert.equal(size, Buffer.byteLength(FILES[name]), `${name} is downloaded whole`);
}

async function changes(page: Page, path: string): Promise<void> {
  await go(page, path.replace('?tab=source', ''));
  const { tabs } = enScreens.pullRequests;
  const still = await longestStill(page, async () => {
    await page.getByRole('button', { name: tabs.source, exact: true }).click();
    await page.locator('section', { hasText: 'zero.txt' }).first().waitFor();
  });
  assert.ok(still < STILL_MS_MAX, `the differences: the page stood still for ${still} ms`);
  for (const name of ['large.txt', 'binary.dat', 'one-line.json', 'zero.txt'] as const) {
    const file = page.locator('main section', { has: page.getByRole('heading', { name }) }).last();
    await file.getByText(difference.noText).waitFor();
    await assertDownload(file, name);
  }
  const long = page.locator('main section', { hasText: 'long-line.yaml' }).last();
  await long.getByText(/more characters are not shown/).waitFor();
  const many = page.locator('main section', { hasText: 'many-lines.txt' }).last();
  const more = await longestStill(page, async () => {
    await many.evaluate((section) => section.scrollIntoView({ block: 'end' }));
    await many
      .locator('tr', { hasText: `line ${MANY_LINES}` })
      .first()
      .waitFor();
  });
  assert.ok(more < STILL_MS_MAX, `the last of many lines: the page stood still for ${more} ms`);
  await assertFits(page);
}
