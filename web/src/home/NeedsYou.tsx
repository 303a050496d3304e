// What somebody must look at now, and what moves by itself.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Status } from '../data/client';
import { blockedQuery, incidentsQuery, recentRunsQuery } from '../data/queries';
import { State } from '../design/State';
import { Time } from '../design/Time';
import { useMessages } from '../messages/Messages';

export function NeedsYou({ status }: { status: Status }): ReactNode {
  const { home } = useMessages();
  const incidents = useQuery(incidentsQuery);
  const runs = useQuery(recentRunsQuery);
  const applications = useQuery(blockedQuery);
  const open = (incidents.data?.items ?? []).filter((one) => one.state === 'open');
  const [last] = incidents.data?.items ?? [];
  const blocked = applications.data?.items ?? [];
  const active = (runs.data?.items ?? []).filter((one) => one.state !== 'completed');
  const moving = status.environments.filter((one) => one.health === 'progressing');
  const waiting = status.environments.filter((one) =>
    one.waiting_on.some((reason) => reason.code === 'approval-missing'),
  );
  const calm = open.length + blocked.length + waiting.length === 0;
  return (
    <div className="mt-5 grid gap-6 lg:grid-cols-2">
      <section aria-labelledby="needs">
        <h2 id="needs">{home.needsYou}</h2>
        {calm && <p className="mt-1 text-good">{home.nothingNeedsYou}</p>}
        <ul className="mt-1 space-y-1">
          {open.map((one) => (
            <li key={one.id}>
              <State state="sick" />{' '}
              <Link to="/incidents/$id" params={{ id: String(one.id) }}>
                {home.incidentOpen(one.id)}
              </Link>{' '}
              {one.title} <Time at={one.opened_at} />
            </li>
          ))}
          {waiting.map((one) => (
            <li key={one.repository + one.name}>
              <Link to="/promotion" search={{ repository: one.repository }}>
                {home.waitsToEnter(one.repository, one.name)}
              </Link>
            </li>
          ))}
          {blocked.map((one) => (
            <li key={one.name}>
              <State state="blocked" />{' '}
              <Link to="/applications/$name" params={{ name: one.name }}>
                {home.applicationBlocked(one.name)}
              </Link>
              <span className="text-muted"> {one.reasons[0]?.message}</span>
            </li>
          ))}
          {last && last.state === 'resolved' && (
            <li className="text-muted">
              {home.lastRollback}{' '}
              <Link to="/incidents/$id" params={{ id: String(last.id) }}>
                {last.title}
              </Link>{' '}
              {last.resolved_at && <Time at={last.resolved_at} />}
            </li>
          )}
        </ul>
      </section>
      <section aria-labelledby="moving">
        <h2 id="moving">{home.onTheWay}</h2>
        {active.length + moving.length === 0 && (
          <p className="mt-1 text-muted">{home.nothingOnTheWay}</p>
        )}
        <ul className="mt-1 space-y-1">
          {active.map((run) => (
            <li key={run.id}>
              <State state={run.state} />{' '}
              <Link to="/runs/$id" params={{ id: String(run.id) }}>
                {home.runActive(run.name, run.id)}
              </Link>{' '}
              <Time at={run.created_at} />
            </li>
          ))}
          {moving.map((one) => (
            <li key={one.repository + one.name}>
              <State state="progressing" /> {home.moving(one.repository, one.name)}
            </li>
          ))}
        </ul>
      </section>
    </div>
  );
}
