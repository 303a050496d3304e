// The last lines that an application's replica wrote.
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { answerOf, client } from '../data/client';
import { Answer } from '../design/Answer';
import { useScreens } from '../messages/Messages';

/** A log changes without facts. */
const LOOK_MS = 2000;
const LINES_SHOWN = 500;

export function ReplicaLog({ name }: { name: string }): ReactNode {
  const { runs } = useScreens();
  const query = useQuery({
    queryKey: ['application', name, 'log'],
    refetchInterval: LOOK_MS,
    queryFn: ({ signal }) =>
      answerOf(
        client.GET('/api/v1/applications/{name}/log', { params: { path: { name } }, signal }),
      ),
  });
  return (
    <Answer query={query}>
      {({ text }) =>
        text === '' ? (
          <p className="text-muted">{runs.emptyLog}</p>
        ) : (
          <pre
            // A region that scrolls must be reachable by keyboard.
            // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
            tabIndex={0}
            className="max-h-[60vh] overflow-auto border border-line bg-sunken p-2"
          >
            {text.split('\n').slice(-LINES_SHOWN).join('\n')}
          </pre>
        )
      }
    </Answer>
  );
}
