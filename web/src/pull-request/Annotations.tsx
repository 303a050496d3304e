// What jobs annotated about the head of a pull request: at its line, or in the list of those elsewhere.
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { PullRequest } from '../data/client';
import { Given } from '../design/Given';
import { useScreens } from '../messages/Messages';
import { AnnotationLine, Level, Says } from '../run/AnnotationLine';
import type { Annotation } from '../run/annotations';

/** One annotation at the line that it is about. */
export function AnnotationAtLine({ annotation }: { annotation: Annotation }): ReactNode {
  return (
    <div className="flex flex-wrap gap-x-3 py-0.5">
      <Level annotation={annotation} />
      <JobLink annotation={annotation} />
      <div className="min-w-0">
        <Says annotation={annotation} />
      </div>
    </div>
  );
}

interface ElsewhereProps {
  one: PullRequest;
  annotations: Annotation[];
}

/** What has no line in the difference is counted above it, and told in full on demand. */
export function Elsewhere({ one, annotations }: ElsewhereProps): ReactNode {
  const { results } = useScreens();
  if (annotations.length === 0) return null;
  return (
    <details className="my-3">
      <summary className="min-h-6 cursor-pointer">
        {results.elsewhere(annotations.length)} <Levels annotations={annotations} />
      </summary>
      <p className="mt-1 text-muted">{results.elsewhereWhy}</p>
      <ul>
        {annotations.map((annotation, index) => (
          // The same answer has the same order.
          // biome-ignore lint/suspicious/noArrayIndexKey: see above
          <li key={index} className="border-b border-line py-2">
            <AnnotationLine
              annotation={annotation}
              repository={one.repository}
              commit={one.head}
              job={<JobLink annotation={annotation} />}
            />
          </li>
        ))}
      </ul>
    </details>
  );
}

/** The gravest level among them, so that it is seen without a look into the list. */
function Levels({ annotations: [gravest] }: { annotations: Annotation[] }): ReactNode {
  return gravest ? <Level annotation={gravest} /> : null;
}

function JobLink({ annotation: { run, job } }: { annotation: Annotation }): ReactNode {
  return (
    <Link to="/runs/$id" params={{ id: String(run) }} search={{ job }}>
      <Given text={job} />
    </Link>
  );
}
