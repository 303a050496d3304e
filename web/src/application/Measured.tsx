// What an application measures: one metric over time with its own deployments marked, its objectives.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { Answer, Empty } from '../design/Answer';
import { SelectField } from '../design/SelectField';
import { useMetricWords } from '../messages/Messages';
import { Card, type Objective } from '../metrics/Objectives';
import { Plot } from '../metrics/Plot';
import { namesQuery, objectivesQuery } from '../metrics/prometheus';
import { SpanChoice } from '../metrics/SpanChoice';
import { changed, spanOf } from '../metrics/span';
import { queryOfApplication, quoted } from '../metrics/suggest';

const route = getRouteApi('/applications/$name');
/** The scraper's own figures say least about a service. */
const LEAST = /^(up$|scrape_)/;
const SHARE = 'objective:';

export default function Measured({ name }: { name: string }): ReactNode {
  const words = useMetricWords();
  const names = useQuery(namesQuery('__name__', `{application=${quoted(name)}}`));
  const objectives = useQuery(objectivesQuery);
  const own = objectives.data?.items.filter(({ application }) => application === name) ?? [];
  return (
    <Answer query={names}>
      {(all) =>
        all.length === 0 ? (
          <Empty title={words.noMetrics} next={words.noMetricsNext} />
        ) : (
          <>
            <One name={name} metrics={all} objectives={own} />
            <div className="mt-6 space-y-6">
              {own.map((one) => (
                <Card key={one.name} one={one} />
              ))}
            </div>
          </>
        )
      }
    </Answer>
  );
}

interface OneProps {
  name: string;
  metrics: string[];
  objectives: Objective[];
}

function One({ name, metrics, objectives }: OneProps): ReactNode {
  const words = useMetricWords();
  const { metric, ...asked } = route.useSearch();
  const navigate = route.useNavigate();
  const span = spanOf(asked);
  const shares = objectives.flatMap(({ name: objective, display_name: title, rules }) => {
    const query = rules.at(-1)?.query;
    return query ? [{ key: SHARE + objective, label: `${words.share}: ${title}`, query }] : [];
  });
  const measured = metrics
    .toSorted((one, other) => Number(LEAST.test(one)) - Number(LEAST.test(other)))
    .map((one) => ({ key: one, label: one, query: queryOfApplication(one, name) }));
  const choices = [...measured, ...shares];
  const chosen = choices.find(({ key }) => key === metric) ?? choices[0];
  if (!chosen) return null;
  return (
    <>
      <div className="flex flex-wrap items-end justify-between gap-3">
        <SelectField
          label={words.metric}
          value={chosen.key}
          options={choices.map(({ key, label }) => [key, label])}
          onChange={(value) => void navigate({ search: (old) => ({ ...old, metric: value }) })}
        />
        <Link to="/monitoring" search={{ query: chosen.query }}>
          {words.explore}
        </Link>
      </div>
      <SpanChoice
        span={span}
        step={asked.step}
        onChange={(change) => void navigate({ search: (old) => changed(old, change) })}
      />
      <Plot query={chosen.query} span={span} application={name} />
    </>
  );
}
