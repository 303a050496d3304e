// Which attempt of a run is shown; an earlier one says that it is one, and how to come back.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Run } from '../data/client';
import { SelectField } from '../design/SelectField';
import { useMessages, useScreens } from '../messages/Messages';
import { wordOr } from '../messages/word';
import { resultsQuery } from './queries';

const route = getRouteApi('/runs/$id');

interface AttemptsProps {
  shown: Run;
  /** The number of the newest. */
  newest: number;
}

export function Attempts({ shown, newest }: AttemptsProps): ReactNode {
  const { runs, results } = useScreens();
  const { states } = useMessages();
  const navigate = route.useNavigate();
  const known = useQuery(resultsQuery(shown.id, shown.attempt)).data?.attempts ?? [];
  if (newest === 1) return null;
  const nameOf = (number: number): string => {
    const one = known.find(({ attempt }) => attempt === number);
    const state = one ? wordOr(states, one.conclusion ?? 'progressing') : '…';
    return `${runs.attempt(number)} – ${state}`;
  };
  const options = Array.from({ length: newest }, (_, index): [string, string] => {
    const number = newest - index;
    return [String(number), nameOf(number)];
  });
  return (
    <div className="mt-3">
      <SelectField
        label={results.attempt}
        unseen
        value={String(shown.attempt)}
        options={options}
        onChange={(value) =>
          void navigate({
            // A line of one attempt's log is another one in the next.
            search: ({ attempt: _, line: __, ...old }) =>
              Number(value) === newest ? old : { ...old, attempt: value },
          })
        }
      />
      {shown.attempt < newest && (
        <p className="mt-3 border-s-4 border-wait bg-wait-ground px-4 py-2">
          {results.earlier(shown.attempt, newest)}{' '}
          <Link
            from="/runs/$id"
            search={({ attempt: _, line: __, ...old }) => old}
            resetScroll={false}
          >
            {results.toNewest}
          </Link>
        </p>
      )}
    </div>
  );
}
