// What a replica of the application writes, line by line as it comes.
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useMemo, useState } from 'react';
import { resourcesQuery } from '../data/queries';
import { Answer, Failure } from '../design/Answer';
import type { Lines } from '../design/lines';
import { SelectField } from '../design/SelectField';
import { useLog } from '../design/useLog';
import { useScreens } from '../messages/Messages';
import { replicaLog } from './replicaLog';

/** Whoever wants more asks for the whole on the command line. */
const LINES_SHOWN = 500;

export function ReplicaLog({ name }: { name: string }): ReactNode {
  const { runs } = useScreens();
  const query = useQuery(resourcesQuery(name));
  return (
    <Answer query={query}>
      {({ items }) => {
        const replicas = items.filter(({ kind }) => kind === 'Pod').map((pod) => pod.name);
        return replicas.length === 0 ? (
          <p className="text-muted">{runs.emptyLog}</p>
        ) : (
          <OneOf application={name} replicas={replicas} />
        );
      }}
    </Answer>
  );
}

/** One that was replaced is gone from the list; the first one takes its place. */
function OneOf({ application, replicas }: { application: string; replicas: string[] }): ReactNode {
  const { applications } = useScreens();
  const [wanted, setWanted] = useState<string | null>(null);
  const chosen = replicas.find((one) => one === wanted) ?? replicas[0] ?? '';
  return (
    <>
      {replicas.length > 1 && (
        <div className="mb-2">
          <SelectField
            label={applications.replica}
            value={chosen}
            options={replicas.map((one) => [one, one])}
            onChange={setWanted}
          />
        </div>
      )}
      <Written application={application} replica={chosen} />
    </>
  );
}

function Written({ application, replica }: { application: string; replica: string }): ReactNode {
  const { runs } = useScreens();
  const source = useMemo(() => replicaLog(application, replica), [application, replica]);
  const { lines, error } = useLog(source);
  if (error !== null) return <Failure error={error} />;
  if (lines.count === 0) return <p className="text-muted">{runs.emptyLog}</p>;
  return (
    <pre
      // A region that scrolls must be reachable by keyboard.
      // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
      tabIndex={0}
      className="max-h-[60vh] overflow-auto border border-line bg-sunken p-2"
    >
      {last(lines).join('\n')}
    </pre>
  );
}

function last(lines: Lines): string[] {
  const first = Math.max(0, lines.count - LINES_SHOWN);
  return Array.from({ length: lines.count - first }, (_, place) => lines.at(first + place));
}
