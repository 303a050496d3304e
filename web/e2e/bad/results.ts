// What a job left behind that would run something: links in its summary, files and texts of its annotations.
import assert from 'node:assert/strict';
import type { Browser, Page } from 'playwright-core';
import { enScreens } from '../../src/messages/en-screens.ts';
import { ended } from '../runs.ts';
import { assertLinks, TEXT } from './links.ts';
import { forget, newRepository, propose, push, write } from './server.ts';
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
    const number = await propose(copy, { files: { [GOOD]: 'after\n' } });
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
  await assertLinks(markdown);
  const link = page.getByRole('link', { name: `${GOOD}:1`, exact: true });
  assert.match((await link.getAttribute('href')) ?? '', /^\/repositories\/bad\/.*path=line\.txt/);
}
