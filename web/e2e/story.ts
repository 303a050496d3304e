// The main flow, step by step: each does something as a person would, and waits for what must follow.
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';
import { en } from '../src/messages/en.ts';
import { enScreens } from '../src/messages/en-screens.ts';
import { fr } from '../src/messages/fr.ts';
import { frScreens } from '../src/messages/fr-screens.ts';
import type { Hands } from './hands.ts';
import { foreignAnswer, type Prepared } from './prepare.ts';

export const WORDS = { en: { ...en, ...enScreens }, fr: { ...fr, ...frScreens } };

/** What the server says, in the language of the page. */
const SAID = {
  en: { noApproval: '0 of 1 approvals', failed: 'ci/test ended as failure' },
  fr: { noApproval: '0 approbation sur 1', failed: 'la vérification exigée ci/test est échouée' },
};

export interface Scene {
  language: keyof typeof SAID;
  page: Page;
  hands: Hands;
  words: (typeof WORDS)['en'];
  prepared: Prepared;
  /** Whether builds are dragged. */
  drags: boolean;
  /** Whether what cannot be repeated is done, or only asked about. */
  decides: boolean;
}

type Step = (scene: Scene) => Promise<void>;

export const STORY: Record<string, Step> = {
  join: async ({ page, hands, words, prepared }) => {
    await hands.write(page.getByLabel(words.session.name, { exact: true }), prepared.name);
    await hands.write(page.getByLabel(words.session.password, { exact: true }), prepared.password);
    await hands.press(page.getByRole('button', { name: words.session.begin, exact: true }));
    await page.getByRole('heading', { name: words.home.services }).waitFor();
    await page.locator('header [role=status]', { hasText: words.connection.live }).waitFor();
  },

  'sign in': async ({ page, hands, words, prepared }) => {
    await hands.press(page.getByRole('button', { name: words.session.signOut }));
    await page.getByRole('heading', { name: words.session.title, exact: true }).waitFor();
    await hands.write(page.getByLabel(words.session.name, { exact: true }), prepared.name);
    await hands.write(page.getByLabel(words.session.password, { exact: true }), prepared.password);
    await hands.press(
      page.getByRole('button', { name: words.session.submit, exact: true }).first(),
    );
    await page.getByRole('heading', { name: words.home.services }).waitFor();
  },

  'refuse a foreign origin': async ({ page }) => {
    const cookies = await page.context().cookies();
    const session = cookies.find(({ name }) => name === 'boucle_session')?.value;
    assert.ok(session, 'the session has no cookie');
    assert.equal(await foreignAnswer(session), 403);
  },

  'read the demonstration’s change': async ({ page, hands, words }) => {
    const { pullRequests } = words;
    await hands.section(words.sections.pullRequests, 'p');
    await hands.press(page.getByRole('link', { name: 'Cut long names', exact: true }));
    await hands.press(page.getByRole('button', { name: pullRequests.tabs.source, exact: true }));
    await page.locator('tr', { hasText: 'NAME_LENGTH_MAX: usize = 12' }).first().waitFor();
    await page.locator('.code-keyword').first().waitFor();
    const tab = pullRequests.tabs.consequences;
    await hands.press(page.getByRole('button', { name: tab, exact: true }));
    await page.getByRole('heading', { name: 'production hello-production' }).waitFor();
    const restarts = pullRequests.restarts('Deployment production/hello');
    await page.getByText(restarts).first().waitFor();
  },

  'comment on a line and suggest': async ({ page, hands, words, prepared }) => {
    const { difference, pullRequests, review } = words;
    await hands.section(words.sections.pullRequests, 'p');
    const title = `Greet for ${prepared.name}`;
    await hands.press(page.getByRole('link', { name: title, exact: true }));
    await hands.press(page.getByRole('button', { name: pullRequests.tabs.source, exact: true }));
    const label = difference.comment(prepared.line);
    await hands.press(page.getByRole('button', { name: label, exact: true }));
    const field = page.getByRole('textbox', { name: pullRequests.write });
    await hands.write(field, 'As before:\n```suggestion\n    format!("Hello, {shown}!\\n")\n```');
    await hands.press(page.getByRole('button', { name: pullRequests.comment, exact: true }));
    const suggestion = page.getByRole('region', { name: review.suggestion });
    await suggestion.locator('tr', { hasText: 'Hello' }).waitFor();
    await suggestion.locator('tr', { hasText: 'Good day' }).waitFor();
  },

  'view a file': async ({ page, hands, words }) => {
    await page.getByText(words.review.viewed(0, 1), { exact: true }).waitFor();
    await hands.toggle(page.getByRole('checkbox', { name: words.difference.viewed }));
    await page.getByText(words.review.viewed(1, 1), { exact: true }).waitFor();
    assert.equal(await page.locator('main table').count(), 0, 'a viewed file is put away');
  },

  'approve, and see why it may not be merged': async ({ language, page, hands, words }) => {
    const { pullRequests } = words;
    const said = SAID[language];
    const readiness = page.locator('section[aria-labelledby=readiness]');
    await readiness.getByText(said.noApproval).waitFor();
    await hands.press(page.getByRole('button', { name: pullRequests.tabs.talk, exact: true }));
    await hands.press(page.getByRole('button', { name: pullRequests.approve, exact: true }));
    const approved = page.locator('main ol li', { hasText: pullRequests.verdicts.approve });
    await approved.first().waitFor();
    await readiness.getByText(said.noApproval).waitFor({ state: 'detached' });
    await readiness.getByText(said.failed).waitFor();
    const merge = readiness.getByRole('button', { name: pullRequests.merge, exact: true });
    assert.ok(await merge.isDisabled(), 'what is not ready cannot be merged');
  },

  'read the run and run what failed again': async ({ page, hands, words }) => {
    const { runs, pullRequests } = words;
    await hands.press(page.getByRole('button', { name: pullRequests.tabs.checks, exact: true }));
    const test = page.locator('main li', { hasText: 'ci/test' });
    await test.getByText(words.states.failure, { exact: true }).waitFor();
    await hands.press(test.getByRole('link'));
    await page.getByRole('log').locator('div', { hasText: 'Good day' }).first().waitFor();
    await page.getByText(runs.attempt(1), { exact: true }).waitFor();
    await hands.press(page.getByRole('button', { name: runs.rerunFailed, exact: true }));
    await page.getByText(runs.attempt(2), { exact: true }).waitFor();
    // It ends as before: by then it can be run again.
    await page.getByRole('button', { name: runs.rerunFailed, exact: true }).waitFor();
  },

  'apply a suggestion, and see what changed since the review': async (scene) => {
    const { page, hands, words, prepared } = scene;
    const { pullRequests, review } = words;
    await hands.section(words.sections.pullRequests, 'p');
    const title = `Greet for ${prepared.name}`;
    await hands.press(page.getByRole('link', { name: title, exact: true }));
    await hands.press(page.getByRole('button', { name: pullRequests.tabs.source, exact: true }));
    // A viewed file is put away.
    await hands.toggle(page.getByRole('checkbox', { name: words.difference.viewed }));
    await hands.press(page.getByRole('button', { name: review.apply, exact: true }));
    await page.getByText(pullRequests.patchSet(2), { exact: true }).waitFor();
    const compare = page.getByLabel(review.compare);
    await hands.choose(compare, review.sinceMine(1));
    await page.locator('tr', { hasText: 'Good day' }).first().waitFor();
    await page.locator('tr', { hasText: 'Hello' }).first().waitFor();
  },

  'read the incident': async ({ page, hands, words }) => {
    const { incidents } = words;
    await hands.section(words.sections.incidents, 'i');
    await hands.press(page.getByRole('link', { name: incidents.incident(1), exact: true }));
    await page.getByRole('link', { name: incidents.pullRequest(2) }).waitFor();
    await page.getByText(incidents.revertedBy).waitFor();
    await page.getByText(incidents.saved).waitFor();
  },

  promote: async ({ page, hands, words, drags, decides }) => {
    const { promotion } = words;
    await hands.section(words.sections.promotion, 'o');
    const row = page.getByRole('row', { name: 'Begin the example service' });
    const button = row.getByRole('button', { name: promotion.promote('staging'), exact: true });
    if (drags) await row.locator('[draggable=true]').dragTo(row.getByRole('cell').nth(1));
    else await hands.press(button);
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Begin the example service').waitFor();
    if (decides) {
      const confirm = dialog.getByRole('button', { name: promotion.promote('staging') });
      await hands.press(confirm);
      // Staging has a build in quarantine; what ran well before is written there by a pull request.
      await dialog.getByRole('link', { name: /\d+/ }).waitFor();
    }
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
  },

  'preview a rollback, and confirm it': async ({ page, hands, words, decides }) => {
    const { applications } = words;
    await hands.section(words.sections.applications, 'a');
    await hands.press(page.getByRole('link', { name: 'hello-staging', exact: true }));
    await hands.press(page.getByRole('button', { name: applications.rollback, exact: true }));
    const dialog = page.getByRole('dialog');
    await dialog.locator('tr', { hasText: 'digest: sha256:' }).first().waitFor();
    if (decides) {
      await hands.write(dialog.getByLabel(applications.reason), 'the main flow');
      await hands.press(dialog.getByRole('button', { name: applications.confirm, exact: true }));
      await dialog.getByText(applications.done).waitFor();
    }
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    if (!decides) return;
    await hands.section(words.sections.promotion, 'o');
    const row = page.getByRole('row', { name: 'Begin the example service' });
    await row.getByRole('cell').nth(1).getByText(words.promotion.states.here).waitFor();
  },
};
