// What was measured: any query as a chart, the objectives with their budgets, how changes are delivered.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { statusQuery } from '../data/queries';
import { Answer } from '../design/Answer';
import { CopyAs } from '../design/CopyAs';
import { Tabs } from '../design/Tabs';
import { useMetricWords } from '../messages/Messages';
import { Delivery } from '../promotion/Delivery';
import { placeOf } from '../repository/place';
import { Explore } from './Explore';
import { Objectives } from './Objectives';

const route = getRouteApi('/monitoring');
const TABS = ['explore', 'objectives', 'delivery'] as const;

export function Metrics(): ReactNode {
  const words = useMetricWords();
  const { tab } = route.useSearch();
  const navigate = route.useNavigate();
  const chosen = TABS.find((known) => known === tab) ?? 'explore';
  return (
    <>
      <div className="flex flex-wrap items-baseline justify-between gap-3">
        <h1>{words.title}</h1>
        <CopyAs path="/objectives" />
      </div>
      <Tabs
        label={words.title}
        names={words.tabs}
        chosen={chosen}
        onChoose={(key) =>
          void navigate({
            search: ({ tab: _, ...old }) => (key === 'explore' ? old : { ...old, tab: key }),
          })
        }
      />
      {chosen === 'explore' && <Explore />}
      {chosen === 'objectives' && <Objectives />}
      {chosen === 'delivery' && <Deliveries />}
    </>
  );
}

function Deliveries(): ReactNode {
  const words = useMetricWords();
  const query = useQuery(statusQuery);
  return (
    <Answer query={query}>
      {({ environments }) => (
        <>
          <p className="mt-4 text-muted">{words.deliveryNext}</p>
          {[...new Set(environments.map(({ repository }) => repository))].map((name) => (
            <Delivery key={name} place={placeOf(name)} named />
          ))}
        </>
      )}
    </Answer>
  );
}
