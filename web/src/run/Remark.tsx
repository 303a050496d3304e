// A remark of a step: how grave it is, whose it is, where it points to and what it says.
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { clipped } from '../design/clipped';
import { Given } from '../design/Given';
import { State } from '../design/State';
import { useScreens } from '../messages/Messages';
import { placeOf } from '../repository/place';
import { type Annotation, pathIn, placeNamed } from './remarks';

interface RemarkProps {
  remark: Annotation;
  /** Where its file is. */
  repository: string;
  commit: string;
  /** What the job is called. */
  job: ReactNode;
}

export function Remark({ remark, repository, commit, job }: RemarkProps): ReactNode {
  return (
    <>
      <p className="flex flex-wrap gap-x-3">
        <Level remark={remark} />
        <span className="min-w-0 text-muted">{job}</span>
        {remark.file && <Place remark={remark} repository={repository} commit={commit} />}
      </p>
      <Says remark={remark} />
    </>
  );
}

export function Level({ remark: { level } }: { remark: Annotation }): ReactNode {
  const { results } = useScreens();
  return <State state={level} word={results.levels[level]} />;
}

/** What a job wrote is plain text, whatever marks it has. */
export function Says({ remark: { title, message } }: { remark: Annotation }): ReactNode {
  const { difference } = useScreens();
  const { text, left } = clipped(message);
  return (
    <p className="whitespace-pre-wrap">
      {title && (
        <span className="font-semibold">
          <Given text={title} />{' '}
        </span>
      )}
      <Given text={text} />
      {left > 0 && <span className="text-muted"> {difference.left(left)}</span>}
    </p>
  );
}

function Place({ remark, repository, commit }: Omit<RemarkProps, 'job'>): ReactNode {
  const path = pathIn(remark.file);
  const named = (
    <code className="min-w-0">
      <Given text={placeNamed(remark)} />
    </code>
  );
  if (!path) return named;
  const line = remark.line ? { line: String(remark.line) } : {};
  return (
    <Link
      to="/repositories/$owner/$name"
      params={placeOf(repository)}
      search={{ path, kind: 'file', revision: commit, ...line }}
      className="min-w-0"
    >
      {named}
    </Link>
  );
}
