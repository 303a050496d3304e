// An annotation of a step: how grave it is, whose it is, where it points to and what it says.
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { clipped } from '../design/clipped';
import { Given } from '../design/Given';
import { State } from '../design/State';
import { useScreens } from '../messages/Messages';
import { placeOf } from '../repository/place';
import { type Annotation, pathIn, placeNamed } from './annotations';

interface AnnotationLineProps {
  annotation: Annotation;
  /** Where its file is. */
  repository: string;
  commit: string;
  /** What the job is called. */
  job: ReactNode;
}

export function AnnotationLine({
  annotation,
  repository,
  commit,
  job,
}: AnnotationLineProps): ReactNode {
  return (
    <>
      <p className="flex flex-wrap gap-x-3">
        <Level annotation={annotation} />
        <span className="min-w-0 text-muted">{job}</span>
        {annotation.file && (
          <Place annotation={annotation} repository={repository} commit={commit} />
        )}
      </p>
      <Says annotation={annotation} />
    </>
  );
}

export function Level({ annotation: { level } }: { annotation: Annotation }): ReactNode {
  const { results } = useScreens();
  return <State state={level} word={results.levels[level]} />;
}

/** What a job wrote is plain text, whatever marks it has. */
export function Says({ annotation: { title, message } }: { annotation: Annotation }): ReactNode {
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

function Place({ annotation, repository, commit }: Omit<AnnotationLineProps, 'job'>): ReactNode {
  const path = pathIn(annotation.file);
  const named = (
    <code className="min-w-0">
      <Given text={placeNamed(annotation)} />
    </code>
  );
  if (!path) return named;
  const line = annotation.line ? { line: String(annotation.line) } : {};
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
