// Runs, the newest first.

import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { runsQuery } from '../data/queries';
import { Answer, Empty } from '../design/Answer';
import { CopyAs } from '../design/CopyAs';
import { Given } from '../design/Given';
import { Short } from '../design/Short';
import { State } from '../design/State';
import { Time } from '../design/Time';
import { useScreens } from '../messages/Messages';

export function Runs(): ReactNode {
  const { runs } = useScreens();
  const query = useQuery(runsQuery());
  return (
    <>
      <div className="flex flex-wrap items-baseline justify-between gap-3">
        <h1>{runs.title}</h1>
        <CopyAs command="boucle run list" path="/runs" />
      </div>
      <Answer query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={runs.empty} next={runs.emptyNext} />
          ) : (
            <div className="mt-3 overflow-x-auto">
              <table className="rows rows-stacked rows-flowing">
                <thead>
                  <tr>
                    <th scope="col">{runs.run}</th>
                    <th scope="col">{runs.repository}</th>
                    <th scope="col">{runs.event}</th>
                    <th scope="col">{runs.commit}</th>
                    <th scope="col">{runs.started}</th>
                  </tr>
                </thead>
                <tbody>
                  {items.map((run) => (
                    <tr key={run.id}>
                      <td>
                        <State state={run.conclusion ?? run.state} />{' '}
                        <Link to="/runs/$id" params={{ id: String(run.id) }}>
                          <Given text={run.name} /> {run.id}
                        </Link>
                      </td>
                      <td>{run.repository}</td>
                      <td>{(runs.events as Record<string, string>)[run.event] ?? run.event}</td>
                      <td>
                        <Short id={run.commit} />
                      </td>
                      <td>
                        <Time at={run.created_at} />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
      </Answer>
    </>
  );
}
