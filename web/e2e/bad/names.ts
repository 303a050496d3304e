// Names of 200 characters, from right to left, of pictures and of markup: shown as what they are.
import assert from 'node:assert/strict';
import type { Browser } from 'playwright-core';
import { seen } from '../../src/design/seen.ts';
import { en } from '../../src/messages/en.ts';
import { enScreens } from '../../src/messages/en-screens.ts';
import { enSettings } from '../../src/messages/en-settings.ts';
import { ask, type Copy, forget, git, newRepository, open, push, write } from './server.ts';
import { assertFaultless, assertFits, assertHarmless, go, visit } from './visit.ts';

const MARKUP = '<img src=x onerror=alert(1)>';
const NAMES = {
  long: 'n'.repeat(200),
  rightToLeft: 'שלום-עולם',
  turning: 'photo\u202Egpj.exe',
  pictures: '😀-👩‍👩‍👧',
  markup: '<img-src=x-onerror=alert(1)>',
};
const WIDTHS = [1440, 360];

export async function names(browser: Browser, tag: string): Promise<void> {
  const copy = await newRepository(`bad/names-${tag}`);
  try {
    const numbers = await fill(copy);
    for (const width of WIDTHS) {
      const { page, faults, close } = await visit(browser, { width });
      const see = async (path: string, texts: string[]): Promise<void> => {
        await go(page, path);
        for (const text of texts) {
          await page.locator('main').getByText(seen(text)).first().waitFor();
        }
        await assertFits(page);
        await assertHarmless(page);
      };
      const all = Object.values(NAMES);
      const repository = `/repositories/${copy.name}`;
      await see(repository, all);
      await see(`${repository}?view=history`, [MARKUP]);
      await see(`${repository}?view=branches`, all);
      await see(`${repository}?search=inside`, all);
      for (const [index, name] of all.entries()) {
        const asked = new URLSearchParams({ path: `${name}.txt`, kind: 'file', revision: name });
        await see(`${repository}?${asked}`, [`inside ${name}`]);
        const pullRequest = `${repository}/pull-requests/${numbers[index]}`;
        await see(pullRequest, [name, `said ${name}`]);
        await see(`${pullRequest}?tab=source`, [`inside ${name}`]);
      }
      await see('/pull-requests', all);
      await see('/timeline', []);
      await see('/', []);
      assertFaultless(faults);
      await close();
    }
    await aLinkLeadsThere(browser, copy);
  } finally {
    forget(copy);
  }
}

async function fill(copy: Copy): Promise<number[]> {
  write(copy, { 'README.md': 'inside\n' });
  push(copy, `${MARKUP} ${'m'.repeat(200)}`);
  const numbers: number[] = [];
  for (const name of Object.values(NAMES)) {
    git(copy, 'checkout', '--quiet', '-B', 'work', 'main');
    write(copy, { [`${name}.txt`]: `inside ${name}\n` });
    push(copy, `change ${name}\n\n${MARKUP}`, name);
    const number = await open(copy, name, { title: `${name} ${MARKUP}`.slice(0, 200) });
    const path = `/repositories/${copy.name}/pull-requests/${number}/reviews`;
    await ask('POST', path, { verdict: 'comment', body: `said ${name}\n\n${MARKUP}` });
    numbers.push(number);
  }
  // The branch that is looked at by default has all of them.
  git(copy, 'checkout', '--quiet', 'main');
  write(
    copy,
    Object.fromEntries(Object.values(NAMES).map((name) => [`${name}.txt`, `inside ${name}\n`])),
  );
  push(copy, `${MARKUP} all of them`);
  return numbers;
}

/** From the list of files to the file and its branch, as a person goes. */
async function aLinkLeadsThere(browser: Browser, copy: Copy): Promise<void> {
  const { page, faults, close } = await visit(browser);
  for (const name of Object.values(NAMES)) {
    await go(page, `/repositories/${copy.name}`);
    await page.getByRole('link', { name: seen(`${name}.txt`), exact: true }).click();
    await page
      .locator('main')
      .getByText(seen(`inside ${name}`))
      .first()
      .waitFor();
    await page.getByRole('button', { name: enScreens.repositories.branches, exact: true }).click();
    await page.getByRole('link', { name: seen(name), exact: true }).click();
    await page.waitForURL((url) => url.searchParams.get('revision') === name);
  }
  assertFaultless(faults);
  await close();
}

/** The server refuses such names of tokens; the page says so, and what was typed stays. */
export async function tokenNames(browser: Browser): Promise<void> {
  const { page, faults, close } = await visit(browser, { width: 360 });
  const { tokens } = enSettings;
  await go(page, '/settings?tab=tokens');
  for (const name of [...Object.values(NAMES), MARKUP]) {
    const field = page.getByLabel(enSettings.name, { exact: true });
    await field.fill(name);
    await page.getByRole('button', { name: tokens.submit, exact: true }).click();
    const alert = page.locator('main [role=alert]');
    await alert.getByText(en.problems.codes['invalid-name']).waitFor();
    assert.equal(await field.inputValue(), name, 'what was typed stays');
    await assertFits(page);
    await assertHarmless(page);
    await page.reload();
  }
  assertFaultless(faults);
  await close();
}
