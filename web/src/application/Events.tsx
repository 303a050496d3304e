// What the cluster says of the objects of an application and of what it made of them.
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { eventsQuery } from '../data/queries';
import { Answer } from '../design/Answer';
import { Time } from '../design/Time';
import { useScreens } from '../messages/Messages';

export function Events({ name }: { name: string }): ReactNode {
  const { applications } = useScreens();
  const query = useQuery(eventsQuery(name));
  return (
    <Answer query={query}>
      {({ items }) =>
        items.length === 0 ? (
          <p className="text-muted">{applications.noEvents}</p>
        ) : (
          <ul>
            {items.map((one) => (
              <li
                key={`${one.object} ${one.at} ${one.reason} ${one.message}`}
                className="flex flex-wrap gap-x-3 border-b border-line py-2"
              >
                <span className={one.warning ? 'font-semibold text-bad' : 'font-semibold'}>
                  {one.reason}
                </span>
                <code className="break-all">{one.object}</code>
                {one.count > 1 && <span className="text-muted">×{one.count}</span>}
                {one.at && <Time at={one.at} />}
                <span className="w-full break-words">{one.message}</span>
              </li>
            ))}
          </ul>
        )
      }
    </Answer>
  );
}
