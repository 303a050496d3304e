// What is said about one line of a difference, and the field for one's own remark or suggestion.
import { useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { answerOf, client, type PullRequest } from '../data/client';
import type { Place } from '../data/queries';
import { Failure } from '../design/Answer';
import type { LinePlace } from '../design/Difference';
import { useDraft } from '../design/draft';
import { useAction } from '../design/useAction';
import { useScreens } from '../messages/Messages';
import { Suggestion } from './Suggestion';
import { blockOf, partsOf } from './suggestion';
import { Text } from './Talk';

interface SaidProps {
  place: Place;
  one: PullRequest;
  comment: PullRequest['comments'][number];
  /** The line as it is now. */
  text: string | undefined;
}

export function Said({ place, one, comment, text }: SaidProps): ReactNode {
  const { review } = useScreens();
  const { path, line, patch_set, side } = comment;
  const current = patch_set === one.patch_set && side === 'new';
  return (
    <article aria-label={review.onLine(line, comment.author)} className="mb-2">
      <span className="font-semibold">{comment.author}</span>
      {partsOf(comment.body).map((part, index) =>
        part.kind === 'text' ? (
          // A comment never changes, so the place of a part is a key.
          // biome-ignore lint/suspicious/noArrayIndexKey: see above
          <Text key={index} text={part.text} />
        ) : (
          <Suggestion
            // biome-ignore lint/suspicious/noArrayIndexKey: see above
            key={index}
            place={place}
            one={one}
            path={path}
            line={line}
            text={current ? text : undefined}
            lines={part.lines}
            patchSet={patch_set}
          />
        ),
      )}
    </article>
  );
}

interface WriteProps {
  place: Place;
  one: PullRequest;
  path: string;
  line: LinePlace;
  /** The line as it is now. */
  text: string | undefined;
  done: () => void;
}

export function Write({ place, one, path, line, text: now, done }: WriteProps): ReactNode {
  const { pullRequests, review } = useScreens();
  const queries = useQueryClient();
  const [text, setText] = useDraft(`${path}:${line.side}:${line.line}`);
  const action = useAction(() => {
    setText('');
    done();
    void queries.invalidateQueries({ queryKey: ['pull-request'] });
  });
  const send = (): void =>
    action.run(() =>
      answerOf(
        client.POST('/api/v1/repositories/{owner}/{name}/pull-requests/{number}/comments', {
          params: { path: { ...place, number: one.number } },
          body: { path, line: line.line, side: line.side, body: text },
        }),
      ),
    );
  return (
    <div className="max-w-prose">
      <textarea
        // The field appears because somebody asked for it, and only then.
        // biome-ignore lint/a11y/noAutofocus: see above
        autoFocus
        className="field min-h-24 w-full"
        aria-label={pullRequests.write}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape' && text.trim() === '') done();
        }}
      />
      {action.error !== null && <Failure error={action.error} />}
      <div className="mt-1 flex flex-wrap gap-2">
        <button
          type="button"
          className="button button-first"
          disabled={action.busy || text.trim() === ''}
          onClick={send}
        >
          {pullRequests.comment}
        </button>
        {line.side === 'new' && now !== undefined && (
          <button
            type="button"
            className="button"
            disabled={action.busy}
            onClick={() => setText(`${text === '' ? '' : `${text}\n\n`}${blockOf(now)}`)}
          >
            {review.suggest}
          </button>
        )}
      </div>
    </div>
  );
}
