// What a screen shows while it asks, when it may not see, when something failed and when there is
// nothing: always with what to do.
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { type Problem, problemOf } from '../data/problem';
import { useMessages } from '../messages/Messages';

interface Asked<T> {
  query: UseQueryResult<T>;
  children: (data: T) => ReactNode;
}

export function Answer<T>({ query, children }: Asked<T>): ReactNode {
  if (query.data !== undefined) return children(query.data);
  if (query.isError) return <Failure error={query.error} again={() => void query.refetch()} />;
  return <Loading />;
}

export function Loading(): ReactNode {
  const { shell } = useMessages();
  return (
    <p role="status" className="py-6 text-muted">
      {shell.loading}
    </p>
  );
}

export function Failure({ error, again }: { error: unknown; again?: () => void }): ReactNode {
  const { problems } = useMessages();
  const problem = problemOf(error);
  const next = problem.next ?? (problems.nexts as Record<string, string>)[problem.code];
  return (
    <div role="alert" className="my-4 border-s-4 border-bad bg-bad-ground px-4 py-3">
      <p className="font-semibold text-bad">{titleOf(problem, problems.codes)}</p>
      {problem.detail && <p>{problem.detail}</p>}
      {problem.reasons.length > 0 && <Reasons reasons={problem.reasons} />}
      {next && (
        <p className="mt-1">
          <span className="text-muted">{problems.next} </span>
          {next}
        </p>
      )}
      {again && (
        <button type="button" className="button mt-2" onClick={again}>
          {problems.again}
        </button>
      )}
    </div>
  );
}

function titleOf(problem: Problem, codes: Record<string, string>): string {
  return codes[problem.code] ?? (problem.title || problem.code);
}

export function Reasons({ reasons }: { reasons: Problem['reasons'] }): ReactNode {
  return (
    <ul className="mt-1 list-disc ps-5">
      {reasons.map((reason) => (
        <li key={`${reason.code} ${reason.message}`}>
          {reason.file && (
            <code>
              {reason.file}
              {reason.line ? `:${reason.line}` : ''}{' '}
            </code>
          )}
          {reason.message}
          {reason.who && <span className="text-muted"> — {reason.who}</span>}
        </li>
      ))}
    </ul>
  );
}

export function Empty({ title, next }: { title: string; next?: ReactNode }): ReactNode {
  return (
    <div className="py-6 text-muted">
      <p className="font-semibold text-ink">{title}</p>
      {next && <p className="mt-1 max-w-prose">{next}</p>}
    </div>
  );
}
