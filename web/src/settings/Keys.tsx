// The key that the ledger is verified by, and how anybody does that without this server.
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { checkpointQuery } from '../data/queries';
import { Answer } from '../design/Answer';
import { CopyText } from '../design/CopyText';
import { State } from '../design/State';
import { useSettingsWords } from '../messages/Messages';

const EXPORT = 'facts.jsonl';

export function Keys(): ReactNode {
  const { keys } = useSettingsWords();
  const query = useQuery(checkpointQuery);
  return (
    <>
      <p className="mt-4 max-w-prose text-muted">{keys.explain}</p>
      <Answer query={query}>
        {({ verifier_key: key, facts }) => (
          <>
            <section aria-labelledby="ledger-key" className="panel mt-4">
              <h2 id="ledger-key">{keys.key}</h2>
              <Copied text={key} label={keys.copyKey} />
              <State state="success" word={keys.signed(facts)} />
              <p className="mt-2 max-w-prose text-muted">{keys.keep}</p>
            </section>
            <section aria-labelledby="ledger-how" className="panel mt-4">
              <h2 id="ledger-how">{keys.how}</h2>
              <ol className="list-decimal space-y-3 ps-5">
                <li>
                  {keys.exportFirst}
                  <Copied text={`boucle audit export > ${EXPORT}`} label={keys.copyCommand} />
                  <a className="button" href="/api/v1/facts/export" download={EXPORT}>
                    {keys.download}
                  </a>
                </li>
                <li>
                  {keys.thenVerify}
                  <Copied
                    text={`boucle audit verify ${EXPORT} --key ${key}`}
                    label={keys.copyCommand}
                  />
                </li>
              </ol>
            </section>
          </>
        )}
      </Answer>
    </>
  );
}

function Copied({ text, label }: { text: string; label: string }): ReactNode {
  return (
    <p className="my-2 flex flex-wrap items-center gap-2">
      <code className="min-w-0 bg-sunken px-2 py-1 select-all">{text}</code>
      <CopyText label={label} text={text} />
    </p>
  );
}
