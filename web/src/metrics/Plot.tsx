// The answer to one query: its chart with deployments marked, its legend, and its values as a table.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { lazy, type ReactNode, Suspense, useMemo, useState } from 'react';
import { problemOf } from '../data/problem';
import { Empty, Failure, Loading } from '../design/Answer';
import { Time } from '../design/Time';
import { useLocale, useMetricWords } from '../messages/Messages';
import { Legend } from './Legend';
import { formatFor, timeFormatFor } from './look';
import { type Marker, markersOf } from './markers';
import { type Drawn, deploymentsInQuery, rangeQuery } from './prometheus';
import { type Read, readMatrix, shortened } from './read';
import type { Span } from './span';

const Chart = lazy(() => import('./Chart'));
const ROWS_MAX = 60;
const NONE_HIDDEN: ReadonlySet<string> = new Set();

interface PlotProps {
  query: string;
  span: Span;
  /** Only this application's deployments are marked; all when absent. */
  application?: string;
}

export function Plot({ query, span, application }: PlotProps): ReactNode {
  const words = useMetricWords();
  const answer = useQuery(rangeQuery(query, span));
  const deployments = useQuery(deploymentsInQuery(span, application ?? null));
  if (answer.isError) return <QueryFailure error={answer.error} />;
  if (!answer.data) return <Loading />;
  if (answer.data.matrix.result.length === 0) {
    return <Empty title={words.empty} next={words.emptyNext} />;
  }
  return <Shown drawn={answer.data} facts={deployments.data ?? []} />;
}

interface ShownProps {
  drawn: Drawn;
  facts: Parameters<typeof markersOf>[0];
}

function Shown({ drawn, facts }: ShownProps): ReactNode {
  const words = useMetricWords();
  const locale = useLocale();
  const [point, setPoint] = useState<number | null>(null);
  const [hidden, setHidden] = useState<ReadonlySet<string>>(NONE_HIDDEN);
  const read = useMemo(() => readMatrix(drawn.matrix, drawn.bounds, drawn.step), [drawn]);
  const markers = useMemo(() => markersOf(facts, drawn.bounds), [facts, drawn]);
  const time = timeFormatFor(locale, drawn.bounds[1] - drawn.bounds[0]);
  const label = words.chart(read.series.length, time(drawn.bounds[0]), time(drawn.bounds[1]));
  return (
    <>
      <Suspense fallback={<Loading />}>
        <Chart read={read} markers={markers} label={label} hidden={hidden} onPoint={setPoint} />
      </Suspense>
      <Legend read={read} point={point} time={time} hidden={hidden} onHide={setHidden} />
      {read.left > 0 && <p className="mt-1 text-muted">{words.left(read.left)}</p>}
      <Markers markers={markers} />
      <Values read={read} time={time} />
    </>
  );
}

function Markers({ markers }: { markers: Marker[] }): ReactNode {
  const words = useMetricWords();
  return (
    <section className="mt-4">
      <h2>
        <span aria-hidden="true" className="text-accent">
          ▼
        </span>{' '}
        {words.deployments}
      </h2>
      {markers.length === 0 ? (
        <p className="text-muted">{words.noDeployments}</p>
      ) : (
        <ul className="mt-1 space-y-1">
          {markers.toReversed().map((marker) => (
            <li key={marker.sequence} className="flex flex-wrap gap-x-3">
              <Time at={marker.at} />
              <Link
                to="/applications/$name"
                params={{ name: marker.application }}
                search={{ tab: 'history' }}
              >
                {words.deployed(marker.application)}
              </Link>
              <span className="text-muted">{marker.outcome}</span>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function Values({ read, time }: { read: Read; time: (at: number) => string }): ReactNode {
  const words = useMetricWords();
  const format = formatFor(useLocale());
  const [open, setOpen] = useState(false);
  const newest = read.times
    .map((at, index) => ({ at, index }))
    .slice(-ROWS_MAX)
    .toReversed();
  return (
    <details className="mt-4" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="min-h-7 cursor-pointer font-semibold">{words.values}</summary>
      {open && (
        <section
          aria-label={words.values}
          // A region that scrolls must be reachable by keyboard.
          // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
          tabIndex={0}
          className="max-h-96 overflow-auto"
        >
          <p className="text-muted">{words.valuesShown(newest.length)}</p>
          <table className="rows">
            <thead>
              <tr>
                <th scope="col">{words.time}</th>
                {read.series.map(({ name }) => (
                  <th key={name} scope="col">
                    <code>{shortened(name)}</code>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {newest.map(({ at, index }) => (
                <tr key={at}>
                  <td className="whitespace-nowrap">{time(at)}</td>
                  {read.series.map(({ name, values }) => {
                    const value = values[index];
                    return (
                      <td key={name}>
                        {value === null || value === undefined ? '–' : format(value)}
                      </td>
                    );
                  })}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </details>
  );
}

/** A refusal of the query, as a sentence with its code; what is no matter of the query as everywhere. */
function QueryFailure({ error }: { error: unknown }): ReactNode {
  const words = useMetricWords();
  const { code, detail } = problemOf(error);
  const title = (words.problems as Record<string, string>)[code];
  if (!title) return <Failure error={error} />;
  return (
    <div role="alert" className="my-4 border-s-4 border-bad bg-bad-ground px-4 py-3">
      <p className="font-semibold text-bad">{title}</p>
      <p>{detail}</p>
      <p className="mt-1 text-muted">{words.code(code)}</p>
    </div>
  );
}
