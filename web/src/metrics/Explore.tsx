// Any query as a chart; where nothing is asked yet, what one could begin with.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { Answer, Empty } from '../design/Answer';
import { useMetricWords } from '../messages/Messages';
import { Plot } from './Plot';
import { namesQuery } from './prometheus';
import { QueryField } from './QueryField';
import { SpanChoice } from './SpanChoice';
import { changed, spanOf } from './span';
import { queryFor } from './suggest';

const route = getRouteApi('/monitoring');

export function Explore(): ReactNode {
  const { query = '', ...asked } = route.useSearch();
  const navigate = route.useNavigate();
  const span = spanOf(asked);
  const draw = (text: string): void =>
    void navigate({ search: ({ query: _, ...old }) => (text ? { ...old, query: text } : old) });
  return (
    <>
      <QueryField key={query} query={query} onDraw={draw} />
      <SpanChoice
        span={span}
        step={asked.step}
        onChange={(change) => void navigate({ search: (old) => changed(old, change) })}
      />
      {query === '' ? <Begin onDraw={draw} /> : <Plot query={query} span={span} />}
    </>
  );
}

function Begin({ onDraw }: { onDraw: (query: string) => void }): ReactNode {
  const words = useMetricWords();
  const names = useQuery(namesQuery('__name__', ''));
  return (
    <Answer query={names}>
      {(all) =>
        all.length === 0 ? (
          <Empty title={words.noMetrics} next={words.noMetricsNext} />
        ) : (
          <>
            <Empty title={words.start} next={words.startNext} />
            <ul className="flex flex-wrap gap-2">
              {all.slice(0, 12).map((name) => (
                <li key={name}>
                  <button
                    type="button"
                    className="button font-mono text-[12.5px]"
                    onClick={() => onDraw(queryFor(name))}
                  >
                    {queryFor(name)}
                  </button>
                </li>
              ))}
            </ul>
          </>
        )
      }
    </Answer>
  );
}
