// What a job left behind that would run something: links in its summary, files and texts of its annotations.
import assert from 'node:assert/strict';
import type { Browser, Page } from 'playwright-core';
import { enScreens } from '../../src/messages/en-screens.ts';
import { ended } from '../runs.ts';
import { DEAD, TEXT } from './links.ts';
import { forget, git, newRepository, open, push, write } from './server.ts';
import { assertFaultless, assertFits, assertHarmless, go, visit } from './visit.ts';

const WORKFLOW = `name: bad
on:
  push:
    branches: [main]
  pull_request:
permissions:
  contents: read
jobs:
  bad:
    runs-on: boucle
    timeout-minutes: 5
    steps:
      - uses: actions/checkout@v4
      - run: |
          cat remarks.txt
          cat summary.md >> "$GITHUB_STEP_SUMMARY"
`;

const MARKUP = '<img src=x onerror=alert(1)>';
/** Each is shown as it is written, and leads nowhere. */
const NO_FILES = [
  'javascript:alert(1)',
  'JavaScript:alert(1)',
  'data:text/html,<script>alert(1)</script>',
  '//example.org/x',
  '/etc/passwd',
  '../../outside',
  'inside/../../outside',
];
const GOOD = 'line.txt';
const ANNOTATIONS = [
  ...NO_FILES.map(
    (file) => `::error file=${escaped(file)},line=1,title=${MARKUP}::[a](javascript:x)`,
  ),
  `::notice file=${GOOD},line=1::good <script>alert(1)</script>`,
  `::warning::${'w'.repeat(3_000)}`,
  '',
].join('\n');

/** A comma would end the value. */
function escaped(text: string): string {
  return text.replaceAll(',', '%2C');
}

export async function results(browser: Browser, tag: string): Promise<void> {
  const copy = await newRepository(`bad/results-${tag}`);
  try {
    write(copy, {
      '.github/workflows/bad.yaml': WORKFLOW,
      'remarks.txt': ANNOTATIONS,
      'summary.md': TEXT,
      [GOOD]: 'before\n',
    });
    push(copy, 'Begin');
    git(copy, 'checkout', '--quiet', '-b', 'change');
    write(copy, { [GOOD]: 'after\n' });
    push(copy, 'Change', 'change');
    const number = await open(copy, 'change');
    const [run] = await ended(copy.name, 2);
    for (const width of [1440, 360]) {
      const { page, faults, close } = await visit(browser, { width });
      await go(page, `/runs/${run}`);
      await page.getByText(MARKUP).first().waitFor();
      await noFileLeadsAnywhere(page);
      await noLinkOfTheSummaryLives(page);
      await go(page, `/repositories/${copy.name}/pull-requests/${number}?tab=source`);
      await page.locator('td').getByText('good <script>', { exact: false }).waitFor();
      await page.getByText(enScreens.results.elsewhere(NO_FILES.length + 1)).click();
      await page.getByText(MARKUP).first().waitFor();
      await noFileLeadsAnywhere(page);
      assertFaultless(faults);
      await close();
    }
  } finally {
    forget(copy);
  }
}

async function noFileLeadsAnywhere(page: Page): Promise<void> {
  for (const file of NO_FILES) {
    await page.getByText(`${file}:1`, { exact: true }).first().waitFor();
    const alive = page.getByRole('link', { name: `${file}:1`, exact: true });
    assert.equal(await alive.count(), 0, `“${file}” is no link`);
  }
  await assertHarmless(page);
  await assertFits(page);
}

async function noLinkOfTheSummaryLives(page: Page): Promise<void> {
  const markdown = page.locator('.markdown').first();
  const good = await markdown.getByText('good', { exact: true }).getAttribute('href');
  assert.equal(good, 'https://example.org/', 'a good link stays');
  for (const name of DEAD) {
    await markdown.getByText(name, { exact: true }).first().waitFor();
    const alive = markdown.getByRole('link', { name, exact: true });
    assert.equal(await alive.count(), 0, `“${name}” is no link`);
  }
  const link = page.getByRole('link', { name: `${GOOD}:1`, exact: true });
  assert.match((await link.getAttribute('href')) ?? '', /^\/repositories\/bad\/.*path=line\.txt/);
}
