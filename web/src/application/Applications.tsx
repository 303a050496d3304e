// Every application: how it is, and whether what runs is what Git says.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { applicationsQuery } from '../data/queries';
import { Answer, Empty } from '../design/Answer';
import { CopyAs } from '../design/CopyAs';
import { Short } from '../design/Short';
import { State } from '../design/State';
import { useScreens } from '../messages/Messages';

export function Applications(): ReactNode {
  const { applications } = useScreens();
  const query = useQuery(applicationsQuery);
  return (
    <>
      <div className="flex flex-wrap items-baseline justify-between gap-3">
        <h1>{applications.title}</h1>
        <CopyAs command="boucle app list" path="/applications" />
      </div>
      <Answer query={query}>
        {(all) =>
          all.length === 0 ? (
            <Empty title={applications.none} next={applications.noneNext} />
          ) : (
            <div className="mt-3 overflow-x-auto">
              <table className="rows">
                <thead>
                  <tr>
                    <th scope="col">{applications.name}</th>
                    <th scope="col">{applications.health}</th>
                    <th scope="col">{applications.sync}</th>
                    <th scope="col">{applications.revision}</th>
                  </tr>
                </thead>
                <tbody>
                  {all.map((one) => (
                    <tr key={one.name}>
                      <td>
                        <Link to="/applications/$name" params={{ name: one.name }}>
                          {one.name}
                        </Link>{' '}
                        <span className="text-muted">{one.repository}</span>
                      </td>
                      <td>
                        <State state={one.health} />
                      </td>
                      <td>
                        <State state={one.sync} />
                      </td>
                      <td>{one.revision && <Short id={one.revision} />}</td>
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
