// Links that would run something, in READMEs, descriptions, comments, suggestions and commit messages.
import assert from 'node:assert/strict';
import type { Browser, Locator } from 'playwright-core';
import { ask, forget, newRepository, propose, push, write } from './server.ts';
import { assertFaultless, assertFits, assertHarmless, go, visit } from './visit.ts';

const DATA = 'data:text/html,<script>alert(1)</script>';
const LINKS = [
  '[plain](javascript:alert(1))',
  '[upper](JAVASCRIPT:alert(1))',
  '[broken](java\nscript:alert(1))',
  '[coded](&#106;avascript:alert(1))',
  '[escaped](javascript&colon;alert(1))',
  `[data](${encodeURI(DATA)})`,
  '[old](vbscript:alert(1))',
  '[referenced][there]',
  '<javascript:alert(1)>',
  '![picture](data:image/svg+xml,<svg/onload=alert(1)>)',
  '<a href="javascript:alert(1)" onclick="alert(1)">html</a>',
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
  '[good](https://example.org/)',
  '',
  '[there]: javascript:alert(1)',
];
export const TEXT = LINKS.join('\n\n');
/** What the links are called that must not live. */
const DEAD = ['plain', 'upper', 'coded', 'escaped', 'data', 'old', 'referenced'];

export async function links(browser: Browser, tag: string): Promise<void> {
  const copy = await newRepository(`bad/links-${tag}`);
  try {
    write(copy, { 'README.md': `# Links\n\n${TEXT}\n`, 'line.txt': 'before\n' });
    push(copy, `javascript:alert(1) ${DATA}`);
    const number = await propose(copy, {
      files: { 'line.txt': 'after\n' },
      message: `[subject](javascript:alert(1))\n\n${TEXT}`,
      title: '[title](javascript:alert(1))',
      description: TEXT,
    });
    const repository = `/repositories/${copy.name}`;
    const path = `${repository}/pull-requests/${number}`;
    await ask('POST', `${path}/reviews`, { verdict: 'comment', body: TEXT });
    const remark = `${TEXT}\n\n\`\`\`suggestion\n${LINKS[0]}\n\`\`\``;
    const place = { path: 'line.txt', line: 1, side: 'new', body: remark };
    await ask('POST', `${path}/comments`, place);
    const { page, faults, close } = await visit(browser);
    for (const address of [
      repository,
      `${repository}?view=history`,
      `${repository}?view=branches`,
      `${repository}?path=README.md&kind=file`,
      path,
      `${path}?tab=source`,
    ]) {
      await go(page, address);
      await assertHarmless(page);
      await assertFits(page);
    }
    for (const address of [repository, path]) {
      await go(page, address);
      const markdown = page.locator('.markdown').first();
      await markdown.waitFor();
      await assertLinks(markdown);
    }
    assertFaultless(faults);
    await close();
  } finally {
    forget(copy);
  }
}

/** Of the links of `TEXT`, as they are shown in one place, the good one lives and no other. */
export async function assertLinks(markdown: Locator): Promise<void> {
  const good = await markdown.getByText('good', { exact: true }).getAttribute('href');
  assert.equal(good, 'https://example.org/', 'a good link stays');
  for (const name of DEAD) {
    await markdown.getByText(name, { exact: true }).first().waitFor();
    const alive = markdown.getByRole('link', { name, exact: true });
    assert.equal(await alive.count(), 0, `“${name}” is no link`);
  }
}
