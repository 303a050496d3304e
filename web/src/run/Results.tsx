// What a run left behind for people: annotations, summaries, stored files, what it published.
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { components } from '../data/api-types';
import type { Run } from '../data/client';
import { Failure } from '../design/Answer';
import { Given } from '../design/Given';
import { Short } from '../design/Short';
import { Size } from '../design/Size';
import { useScreens } from '../messages/Messages';
import { Text } from '../pull-request/Talk';
import { AnnotationLine } from './AnnotationLine';
import { countsOf, graveFirst } from './annotations';
import { resultsQuery } from './queries';

type Found = components['schemas']['RunResults'];

/** The page stands still while more Markdown than this is drawn; the command line has the whole of it. */
const SUMMARY_CHARACTERS_MAX = 100_000;
const PLACE = 'results';

/** How much there is, as a link to it; nothing where there is nothing. */
export function ResultsBrief({ run }: { run: Run }): ReactNode {
  const { results } = useScreens();
  const found = useQuery(resultsQuery(run.id, run.attempt)).data;
  if (!found || isEmpty(found)) return null;
  const counts = countsOf(found).map(([what, n]) => results.counts[what](n));
  return <a href={`#${PLACE}`}>{counts.join(' · ')}</a>;
}

export function Results({ run }: { run: Run }): ReactNode {
  const { results } = useScreens();
  const query = useQuery(resultsQuery(run.id, run.attempt));
  const { data } = query;
  if (query.isError && !data) {
    return <Failure error={query.error} again={() => void query.refetch()} />;
  }
  if (!data || isEmpty(data)) return null;
  return (
    <section id={PLACE} aria-labelledby="results-title" className="panel mt-6">
      <h2 id="results-title">{results.title}</h2>
      <Annotations run={run} found={data} />
      <Summaries run={run} found={data} />
      <Files run={run} found={data} />
      <Published run={run} found={data} />
    </section>
  );
}

function isEmpty(found: Found): boolean {
  return countsOf(found).length === 0;
}

interface PartProps {
  run: Run;
  found: Found;
}

function Part({ title, children }: { title: string; children: ReactNode }): ReactNode {
  return (
    <>
      <h3 className="mt-4 font-semibold">{title}</h3>
      {children}
    </>
  );
}

function nameOf(run: Run, key: string): ReactNode {
  return <Given text={run.jobs.find((job) => job.key === key)?.name ?? key} />;
}

function Annotations({ run, found: { annotations } }: PartProps): ReactNode {
  const { results } = useScreens();
  if (annotations.length === 0) return null;
  return (
    <Part title={results.annotations}>
      <ul>
        {graveFirst(annotations).map((annotation, index) => (
          // What an attempt left never changes its order.
          // biome-ignore lint/suspicious/noArrayIndexKey: see above
          <li key={index} className="border-b border-line py-2">
            <AnnotationLine
              annotation={annotation}
              repository={run.repository}
              commit={run.commit}
              job={nameOf(run, annotation.job)}
            />
          </li>
        ))}
      </ul>
    </Part>
  );
}

function Summaries({ run, found: { summaries } }: PartProps): ReactNode {
  const { results, difference } = useScreens();
  return summaries.map(({ job, markdown }) => {
    const left = markdown.length - SUMMARY_CHARACTERS_MAX;
    return (
      <section key={job} aria-label={results.summaryOf(job)}>
        <Part title={results.summary}>
          <p className="text-muted">{nameOf(run, job)}</p>
          <div className="mt-1 border-s-2 border-line ps-4">
            <Text text={left > 0 ? markdown.slice(0, SUMMARY_CHARACTERS_MAX) : markdown} />
          </div>
          {left > 0 && <p className="text-muted">{difference.left(left)}</p>}
        </Part>
      </section>
    );
  });
}

const ROW = 'flex flex-wrap items-center gap-x-4 gap-y-1 border-b border-line py-1.5';

function Files({ run, found: { artifacts, attempts } }: PartProps): ReactNode {
  const { results, runs } = useScreens();
  if (artifacts.length === 0) return null;
  return (
    <Part title={results.files}>
      <ul>
        {artifacts.map(({ name, size_bytes: bytes, digest, attempt }) => (
          <li key={name} className={ROW}>
            <span className="min-w-0 font-semibold">
              <Given text={name} />
            </span>
            <span className="text-muted">
              <Size bytes={bytes} />
            </span>
            <Short id={digest} />
            {attempts.length > 1 && <span className="text-muted">{runs.attempt(attempt)}</span>}
            <a
              className="button"
              href={`/api/v1/runs/${run.id}/artifacts/${encodeURIComponent(name)}`}
              aria-label={results.downloadLabel(name)}
              download
            >
              {runs.download}
            </a>
          </li>
        ))}
      </ul>
    </Part>
  );
}

function Published({ run, found: { published } }: PartProps): ReactNode {
  const { results } = useScreens();
  if (published.length === 0) return null;
  return (
    <Part title={results.published}>
      <ul>
        {published.map(({ name, kind, digest, job }) => (
          <li key={`${digest} ${name}`} className={ROW}>
            <span className="min-w-0 font-semibold">
              <Given text={name} />
            </span>
            <span>{(results.kinds as Record<string, string>)[kind] ?? kind}</span>
            <Short id={digest} />
            <span className="text-muted">{nameOf(run, job)}</span>
          </li>
        ))}
      </ul>
    </Part>
  );
}
