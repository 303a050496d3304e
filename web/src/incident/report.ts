// An incident as a Markdown text, to be sent or kept elsewhere.
import type { Incident } from '../data/client';
import type { FactMessages } from '../messages/en-facts';
import type { ScreenMessages } from '../messages/en-screens';
import { sentenceOf } from '../timeline/sentence';

export function report(
  one: Incident,
  words: ScreenMessages['incidents'],
  facts: FactMessages,
): string {
  const list = (items: string[]): string => items.map((text) => `- ${text}`).join('\n');
  const suspect = one.suspect
    ? [one.suspect.author, one.suspect.source_commit ?? one.suspect.commit, one.suspect.digest]
        .filter(Boolean)
        .join(', ')
    : words.noSuspect;
  const parts: [string, string][] = [
    [words.suspect, suspect],
    [words.cases, list(one.cases)],
    [
      words.evidence,
      one.evidence ? `${one.evidence.summary} (${one.evidence.digest})` : words.noEvidence,
    ],
    [words.did, one.revert_commit ? `${words.revertedBy} ${one.revert_commit}` : words.nothingDone],
    [words.next, list(one.next)],
    [
      words.timeline,
      list(
        (one.timeline ?? []).map((fact) => `${fact.at} ${fact.actor}: ${sentenceOf(fact, facts)}`),
      ),
    ],
  ];
  const head = `# ${words.incident(one.id)}: ${one.title}\n\n${words.since} ${one.opened_at}`;
  const over = one.resolved_at ? `\n${words.over} ${one.resolved_at}` : '';
  return `${head}${over}\n${parts.map(([title, text]) => `\n## ${title}\n\n${text}\n`).join('')}`;
}
