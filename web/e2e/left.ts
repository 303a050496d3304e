// A repository whose runs leave something behind, for the screens that show it.
import { ask, forget, newRepository, propose, push, write } from './bad/server.ts';
import { ended } from './runs.ts';

const WORKFLOW = `name: look
on:
  push:
    branches: [main]
  pull_request:
permissions:
  contents: read
jobs:
  look:
    runs-on: boucle
    timeout-minutes: 5
    steps:
      - uses: actions/checkout@v4
      - name: Look
        run: |
          echo "::warning file=look.yaml,line=1,title=Old::The title is old"
          echo "::error file=src/missing.rs,line=7::There is no such file"
          echo "::notice::Looked at ${'everything-in-one-long-word-'.repeat(8)}"
          printf '## What was looked at\\n\\n| File | Lines |\\n|---|---|\\n| look.yaml | 2 |\\n' \\
            >> "$GITHUB_STEP_SUMMARY"
          mkdir report && cp look.yaml report/
      - uses: actions/upload-artifact@v4
        with:
          name: report
          path: report
`;
const CONFIGURATION = `version: 1
notifications:
  - name: chat
    webhook: {url: "http://127.0.0.1:9/hook", secret: CHAT_HOOK}
  - name: pager
    webhook: {url: "https://pager.example/${'a-long-part/'.repeat(12)}", secret: PAGER}
    on: [incident]
`;

/** The screens of what was left, by name and address. */
export async function leave(name: string): Promise<[string, string][]> {
  const copy = await newRepository(name);
  try {
    write(copy, {
      '.github/workflows/look.yaml': WORKFLOW,
      'boucle.yaml': CONFIGURATION,
      // Its language has colours, for which the screens of a difference wait.
      'look.yaml': 'title: Left\ntext: short\n',
    });
    push(copy, 'Begin');
    const number = await propose(copy, {
      files: { 'look.yaml': 'title: Left behind\ntext: short\n' },
      title: 'Say what is left',
    });
    const [run] = await ended(copy.name, 2);
    await ask('POST', `/runs/${run}/rerun`, { failed_only: false });
    await ended(copy.name, 2);
    const repository = `/repositories/${copy.name}`;
    await ask('PUT', `${repository}/secrets/CHAT_HOOK`, { value: 'a value' });
    const source = `${repository}/pull-requests/${number}?tab=source`;
    return [
      ['run-results', `/runs/${run}`],
      ['run-earlier', `/runs/${run}?attempt=1`],
      ['pull-request-annotations', source],
      ['pull-request-annotations-split', `${source}&layout=split`],
      ['settings-secrets-some', `/settings?tab=secrets&repository=${copy.name}`],
      ['settings-notifications-some', `/settings?tab=notifications&repository=${copy.name}`],
    ];
  } finally {
    forget(copy);
  }
}
