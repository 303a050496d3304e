// What jobs remarked about the head of a pull request: at its line, or in the list of those elsewhere.
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { PullRequest } from '../data/client';
import { Given } from '../design/Given';
import { useScreens } from '../messages/Messages';
import { Level, Remark, Says } from '../run/Remark';
import type { Annotation } from '../run/remarks';

/** One remark at the line that it is about. */
export function RemarkAtLine({ remark }: { remark: Annotation }): ReactNode {
  return (
    <div className="flex flex-wrap gap-x-3 py-0.5">
      <Level remark={remark} />
      <JobLink remark={remark} />
      <div className="min-w-0">
        <Says remark={remark} />
      </div>
    </div>
  );
}

interface ElsewhereProps {
  one: PullRequest;
  remarks: Annotation[];
}

/** What has no line in the difference is counted above it, and told in full on demand. */
export function Elsewhere({ one, remarks }: ElsewhereProps): ReactNode {
  const { results } = useScreens();
  if (remarks.length === 0) return null;
  return (
    <details className="my-3">
      <summary className="min-h-6 cursor-pointer">
        {results.elsewhere(remarks.length)} <Levels remarks={remarks} />
      </summary>
      <p className="mt-1 text-muted">{results.elsewhereWhy}</p>
      <ul>
        {remarks.map((remark, index) => (
          // The same answer has the same order.
          // biome-ignore lint/suspicious/noArrayIndexKey: see above
          <li key={index} className="border-b border-line py-2">
            <Remark
              remark={remark}
              repository={one.repository}
              commit={one.head}
              job={<JobLink remark={remark} />}
            />
          </li>
        ))}
      </ul>
    </details>
  );
}

/** The gravest level among them, so that it is seen without a look into the list. */
function Levels({ remarks: [gravest] }: { remarks: Annotation[] }): ReactNode {
  return gravest ? <Level remark={gravest} /> : null;
}

function JobLink({ remark: { run, job } }: { remark: Annotation }): ReactNode {
  return (
    <Link to="/runs/$id" params={{ id: String(run) }} search={{ job }}>
      <Given text={job} />
    </Link>
  );
}
