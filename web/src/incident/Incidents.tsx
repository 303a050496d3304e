// Incidents, the newest first.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { incidentsQuery } from '../data/queries';
import { Answer, Empty } from '../design/Answer';
import { CopyAs } from '../design/CopyAs';
import { State } from '../design/State';
import { Time } from '../design/Time';
import { useScreens } from '../messages/Messages';

export function Incidents(): ReactNode {
  const { incidents } = useScreens();
  const query = useQuery(incidentsQuery);
  return (
    <>
      <div className="flex flex-wrap items-baseline justify-between gap-3">
        <h1>{incidents.title}</h1>
        <CopyAs command="boucle incident list" path="/incidents" />
      </div>
      <Answer query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={incidents.empty} next={incidents.emptyNext} />
          ) : (
            <ul className="mt-3">
              {items.map((one) => (
                <li key={one.id} className="border-b border-line py-2">
                  <State state={one.state} />{' '}
                  <Link to="/incidents/$id" params={{ id: String(one.id) }}>
                    {incidents.incident(one.id)}
                  </Link>{' '}
                  {one.title} <Time at={one.opened_at} />
                </li>
              ))}
            </ul>
          )
        }
      </Answer>
    </>
  );
}
