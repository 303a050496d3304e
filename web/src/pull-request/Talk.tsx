// What was said: the description, reviews and comments in order, and the field for one's own.

import { useQueryClient } from '@tanstack/react-query';
import { lazy, type ReactNode, Suspense } from 'react';
import { answerOf, client, type PullRequest } from '../data/client';
import type { Place } from '../data/queries';
import { Failure } from '../design/Answer';
import { useDraft } from '../design/draft';
import { Given } from '../design/Given';
import { State } from '../design/State';
import { Time } from '../design/Time';
import { useAction } from '../design/useAction';
import { useScreens } from '../messages/Messages';

const Markdown = lazy(() => import('../design/Markdown'));

interface TextProps {
  text: string;
  /** Where a relative link leads. */
  resolve?: (relative: string) => string;
}

export function Text({ text, resolve }: TextProps): ReactNode {
  return (
    <Suspense
      fallback={
        <p aria-busy="true" className="whitespace-pre-wrap">
          {text}
        </p>
      }
    >
      <Markdown text={text} resolve={resolve} />
    </Suspense>
  );
}

interface Said {
  key: string;
  at: string;
  who: string;
  what: ReactNode;
  body: string;
}

export function Talk({ place, one }: { place: Place; one: PullRequest }): ReactNode {
  const { pullRequests } = useScreens();
  const said: Said[] = [
    ...one.reviews.map((review) => ({
      key: `review ${review.at} ${review.reviewer}`,
      at: review.at,
      who: review.reviewer,
      what: (
        <>
          <State
            state={review.verdict}
            word={
              (pullRequests.verdicts as Record<string, string>)[review.verdict] ?? review.verdict
            }
          />
          {!review.current && <span className="text-muted"> {pullRequests.stale}</span>}
        </>
      ),
      body: review.body,
    })),
    ...one.comments.map((comment) => ({
      key: `comment ${comment.at} ${comment.author} ${comment.path}`,
      at: comment.at,
      who: comment.author,
      what: comment.path ? (
        <code>
          <Given text={comment.path} />:{comment.line}
        </code>
      ) : null,
      body: comment.body,
    })),
  ].sort((first, second) => first.at.localeCompare(second.at));
  return (
    <>
      {one.description && <Text text={one.description} />}
      {said.length === 0 && <p className="text-muted">{pullRequests.nobody}</p>}
      <ol>
        {said.map(({ key, at, who, what, body }) => (
          <li key={key} className="border-b border-line py-3">
            <p className="flex flex-wrap gap-x-2">
              <span className="font-semibold">{who}</span>
              {what}
              <Time at={at} />
            </p>
            {body && <Text text={body} />}
          </li>
        ))}
      </ol>
      {one.state === 'open' && <Write place={place} one={one} />}
    </>
  );
}

type Verdict = 'approve' | 'request_changes' | 'comment';

function Write({ place, one }: { place: Place; one: PullRequest }): ReactNode {
  const { pullRequests } = useScreens();
  const queries = useQueryClient();
  const [text, setText] = useDraft('review');
  const action = useAction(() => {
    setText('');
    void queries.invalidateQueries({ queryKey: ['pull-request'] });
  });
  const review = (verdict: Verdict) => (): void =>
    action.run(() =>
      answerOf(
        client.POST('/api/v1/repositories/{owner}/{name}/pull-requests/{number}/reviews', {
          params: { path: { ...place, number: one.number } },
          body: { verdict, body: text },
        }),
      ),
    );
  return (
    <div className="mt-4 max-w-prose">
      <label className="grid gap-1 text-muted">
        {pullRequests.write}
        <textarea
          className="field min-h-24 w-full"
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
        />
      </label>
      {action.error !== null && <Failure error={action.error} />}
      <div className="mt-2 flex flex-wrap gap-2">
        <button
          type="button"
          className="button"
          disabled={action.busy || text.trim() === ''}
          onClick={review('comment')}
        >
          {pullRequests.comment}
        </button>
        <button
          type="button"
          className="button button-first"
          disabled={action.busy}
          onClick={review('approve')}
        >
          {pullRequests.approve}
        </button>
        <button
          type="button"
          className="button button-danger"
          disabled={action.busy}
          onClick={review('request_changes')}
        >
          {pullRequests.requestChanges}
        </button>
      </div>
    </div>
  );
}
