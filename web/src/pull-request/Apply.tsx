// Takes a suggestion over: a new patch set with it, unless somebody was faster.
import { useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { answerOf, client, type PullRequest } from '../data/client';
import { fileQuery, type Place } from '../data/queries';
import { Failure } from '../design/Answer';
import { useAction } from '../design/useAction';
import { useScreens } from '../messages/Messages';
import { applied } from './suggestion';

interface ApplyProps {
  place: Place;
  one: PullRequest;
  path: string;
  line: number;
  /** The line as it is now. */
  text: string;
  lines: string[];
}

export function Apply({ place, one, path, line, text, lines }: ApplyProps): ReactNode {
  const { review } = useScreens();
  const queries = useQueryClient();
  const action = useAction(() => {
    void queries.invalidateQueries({ queryKey: ['pull-request'] });
  });
  const apply = async (): Promise<void> => {
    const file = await queries.fetchQuery(fileQuery(place, one.head, path));
    const changed = applied(file.text ?? '', line, text, lines);
    if (changed === null) throw new Error(review.lineMoved);
    await answerOf(
      client.POST('/api/v1/repositories/{owner}/{name}/pull-requests/{number}/edits', {
        params: { path: { ...place, number: one.number } },
        body: {
          title: review.applyTitle(path),
          expected_head: one.head,
          edits: [{ path, text: changed, expected_object: file.object }],
        },
      }),
    );
  };
  return (
    <>
      <button
        type="button"
        className="button button-first"
        disabled={action.busy}
        onClick={() => action.run(apply)}
      >
        {review.apply}
      </button>
      {action.error !== null && <Failure error={action.error} />}
    </>
  );
}
