// Why it cannot be merged yet, who can give what is missing, and the merge itself.
import { useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { answerOf, client, type PullRequest } from '../data/client';
import type { Place } from '../data/queries';
import { Failure, Reasons } from '../design/Answer';
import { Short } from '../design/Short';
import { useAction } from '../design/useAction';
import { useScreens } from '../messages/Messages';

type Method = 'merge' | 'squash' | 'rebase';
const PATH = '/api/v1/repositories/{owner}/{name}/pull-requests/{number}/merge' as const;

export function Readiness({ place, one }: { place: Place; one: PullRequest }): ReactNode {
  const { pullRequests } = useScreens();
  const queries = useQueryClient();
  const [method, setMethod] = useState<Method>('merge');
  const action = useAction(() => void queries.invalidateQueries({ queryKey: ['pull-request'] }));
  if (one.state !== 'open') {
    return one.merge_commit ? (
      <p className="mt-3">
        {pullRequests.mergedAs} <Short id={one.merge_commit} />
      </p>
    ) : null;
  }
  const params = { path: { ...place, number: one.number } };
  const merge = (whenReady: boolean): void =>
    action.run(() =>
      answerOf(
        client.POST(PATH, {
          params,
          body: { method, expected_head: one.head, when_ready: whenReady },
        }),
      ),
    );
  const { ready, waiting_on } = one.readiness;
  return (
    <section
      aria-labelledby="readiness"
      className={`mt-4 border-s-4 px-4 py-3 ${ready ? 'border-good bg-good-ground' : 'border-wait bg-wait-ground'}`}
    >
      <h2 id="readiness">{pullRequests.readiness}</h2>
      <p>{ready ? pullRequests.ready : pullRequests.notReady(waiting_on.length)}</p>
      {!ready && <Reasons reasons={waiting_on} />}
      {one.queued && <p className="mt-1">{pullRequests.queued}</p>}
      {action.error !== null && <Failure error={action.error} />}
      <div className="mt-3 flex flex-wrap items-center gap-2">
        <label>
          <span className="sr-only">{pullRequests.method}</span>
          <select
            className="field"
            value={method}
            onChange={(event) => setMethod(event.currentTarget.value as Method)}
          >
            {(Object.entries(pullRequests.methods) as [Method, string][]).map(([key, word]) => (
              <option key={key} value={key}>
                {word}
              </option>
            ))}
          </select>
        </label>
        <button
          type="button"
          className="button button-first"
          disabled={!ready || action.busy}
          onClick={() => merge(false)}
        >
          {pullRequests.merge}
        </button>
        {!ready && !one.queued && (
          <button
            type="button"
            className="button"
            disabled={action.busy}
            onClick={() => merge(true)}
          >
            {pullRequests.whenReady}
          </button>
        )}
        {one.queued && (
          <button
            type="button"
            className="button"
            disabled={action.busy}
            onClick={() => action.run(() => answerOf(client.DELETE(PATH, { params })))}
          >
            {pullRequests.unqueue}
          </button>
        )}
      </div>
    </section>
  );
}
