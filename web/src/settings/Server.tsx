// What the server found about itself: where jobs run, where data lies, and all else that was checked.
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { components } from '../data/api-types';
import { statusQuery } from '../data/queries';
import { Answer } from '../design/Answer';
import { State } from '../design/State';
import { useMessages, useSettingsWords } from '../messages/Messages';
import { diagnosisQuery } from './queries';

type Check = components['schemas']['DiagnosisCheck'];
type Group = 'sandbox' | 'storage' | 'other';

const GROUPS: Group[] = ['storage', 'sandbox', 'other'];
const STORAGE = new Set(['data', 'ledger', 'clock']);
const LOOKS = { ok: 'healthy', degraded: 'progressing', failed: 'failure' };

function groupOf({ name }: Check): Group {
  if (/^(sandbox|job)\b/.test(name)) return 'sandbox';
  return STORAGE.has(name) ? 'storage' : 'other';
}

export function Server(): ReactNode {
  const { server } = useSettingsWords();
  const status = useQuery(statusQuery);
  const query = useQuery(diagnosisQuery);
  return (
    <>
      <p className="mt-4 max-w-prose text-muted">{server.explain}</p>
      {status.data && (
        <dl className="mt-2 grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1">
          <dt className="text-muted">{server.version}</dt>
          <dd>{status.data.version}</dd>
          <dt className="text-muted">{server.address}</dt>
          <dd>{status.data.url}</dd>
        </dl>
      )}
      <Answer query={query}>{({ checks }) => <Checks checks={checks} />}</Answer>
    </>
  );
}

function Checks({ checks }: { checks: Check[] }): ReactNode {
  const { server } = useSettingsWords();
  const { problems } = useMessages();
  const troubled = checks.filter(({ state }) => state !== 'ok').length;
  return (
    <>
      <p className={`mt-3 ${troubled === 0 ? 'text-good' : 'font-semibold text-bad'}`}>
        {troubled === 0 ? server.well : server.notWell(troubled)}
      </p>
      {GROUPS.map((group) => {
        const own = checks.filter((check) => groupOf(check) === group);
        if (own.length === 0) return null;
        return (
          <section key={group} aria-label={server.groups[group]} className="mt-5">
            <h2>{server.groups[group]}</h2>
            <ul className="mt-1">
              {own.map((check) => (
                <li key={check.name} className="border-b border-line py-1.5">
                  <span className="flex flex-wrap gap-x-3">
                    <State state={LOOKS[check.state]} word={server.states[check.state]} />
                    <span>{check.name}</span>
                    <span className="text-muted">{check.detail}</span>
                  </span>
                  {check.next && (
                    <p className="mt-1">
                      <span className="text-muted">{problems.next} </span>
                      {check.next}
                    </p>
                  )}
                </li>
              ))}
            </ul>
          </section>
        );
      })}
    </>
  );
}
