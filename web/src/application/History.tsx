// What was deployed, and how the rendered manifests of any two deployments differ.
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { deploymentDifferenceQuery, deploymentsQuery } from '../data/queries';
import { Answer } from '../design/Answer';
import { Difference } from '../design/Difference';
import { Short } from '../design/Short';
import { Time } from '../design/Time';
import { useScreens } from '../messages/Messages';

interface HistoryProps {
  name: string;
  from: number | null;
  to: number | null;
  onCompare: (older: number, newer: number) => void;
}

export function History({ name, from, to, onCompare }: HistoryProps): ReactNode {
  const { applications } = useScreens();
  const query = useQuery(deploymentsQuery(name));
  return (
    <Answer query={query}>
      {({ items }) => (
        <>
          <div className="overflow-x-auto">
            <table className="rows rows-stacked rows-flowing">
              <thead>
                <tr>
                  <th scope="col">{applications.generation}</th>
                  <th scope="col">{applications.revision}</th>
                  <th scope="col">{applications.outcome}</th>
                  <th scope="col">{applications.when}</th>
                  <th scope="col">
                    <span className="sr-only">{applications.difference}</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {items.map((one, index) => {
                  const before = items[index + 1];
                  return (
                    <tr key={one.generation}>
                      <td>{one.generation}</td>
                      <td>
                        <Short id={one.revision} />
                      </td>
                      <td>
                        <Outcome outcome={one.outcome} />
                      </td>
                      <td>
                        <Time at={one.at} />
                      </td>
                      <td>
                        {before && (
                          <button
                            type="button"
                            className="button"
                            onClick={() => onCompare(before.generation, one.generation)}
                          >
                            {applications.compare}
                          </button>
                        )}
                      </td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </div>
          {from !== null && to !== null && <Compared name={name} from={from} to={to} />}
        </>
      )}
    </Answer>
  );
}

/** `applied`, or `failed: ` with what was wrong. */
function Outcome({ outcome }: { outcome: string }): ReactNode {
  const { applications } = useScreens();
  const [word = '', ...problem] = outcome.split(': ');
  const known = (applications.outcomes as Record<string, string>)[word];
  if (!known) return outcome;
  return (
    <>
      {known}
      {problem.length > 0 && <p className="text-bad">{problem.join(': ')}</p>}
    </>
  );
}

function Compared({ name, from, to }: { name: string; from: number; to: number }): ReactNode {
  const query = useQuery(deploymentDifferenceQuery(name, from, to));
  return (
    <section className="mt-4">
      <h2>
        {from} → {to}
      </h2>
      <Answer query={query}>
        {({ items }) =>
          items.map((file) => (
            <section key={file.path} className="mb-4">
              <code>{file.path}</code>
              <Difference unified={file.unified} />
            </section>
          ))
        }
      </Answer>
    </section>
  );
}
