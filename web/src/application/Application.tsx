// One application: what it consists of, how it differs from Git, what was deployed, what it says.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { lazy, type ReactNode, Suspense, useState } from 'react';
import type { Application } from '../data/client';
import { applicationQuery, liveDifferenceQuery } from '../data/queries';
import { Answer, Loading, Reasons } from '../design/Answer';
import { CopyAs } from '../design/CopyAs';
import { Difference } from '../design/Difference';
import { Short } from '../design/Short';
import { State } from '../design/State';
import { Tabs } from '../design/Tabs';
import { useScreens } from '../messages/Messages';
import { Events } from './Events';
import { History } from './History';
import { ReplicaLog } from './ReplicaLog';
import { Resources } from './Resources';

const Measured = lazy(() => import('./Measured'));
const Rollback = lazy(() => import('./Rollback'));
const route = getRouteApi('/applications/$name');
const TABS = ['resources', 'difference', 'history', 'events', 'metrics', 'log'] as const;

export function ApplicationScreen(): ReactNode {
  const { name } = route.useParams();
  const query = useQuery(applicationQuery(name));
  return <Answer query={query}>{(one) => <Shown one={one} />}</Answer>;
}

function Shown({ one }: { one: Application }): ReactNode {
  const { applications } = useScreens();
  const { tab = 'resources', from, to } = route.useSearch();
  const navigate = route.useNavigate();
  const [rollingBack, setRollingBack] = useState(false);
  const chosen = TABS.find((known) => known === tab) ?? 'resources';
  return (
    <>
      <div className="flex flex-wrap items-baseline justify-between gap-3">
        <h1>{one.name}</h1>
        <CopyAs command={`boucle app show ${one.name}`} path={`/applications/${one.name}`} />
      </div>
      <p className="mt-1 flex flex-wrap gap-x-3 text-muted">
        <State state={one.health} />
        <State state={one.sync} />
        <span>{one.repository}</span>
        <span>{one.path}</span>
        {one.revision && <Short id={one.revision} />}
      </p>
      {one.health_message && <p className="mt-1">{one.health_message}</p>}
      {one.reasons.length > 0 && <Reasons reasons={one.reasons} />}
      {one.addresses.length > 0 && (
        <p className="mt-1 text-muted">
          {applications.addresses}{' '}
          {one.addresses.map((address) => (
            <a key={address} href={address} rel="noreferrer" className="me-2">
              {address}
            </a>
          ))}
        </p>
      )}
      {one.environment && (
        <button
          type="button"
          className="button button-danger mt-3"
          onClick={() => setRollingBack(true)}
        >
          {applications.rollback}
        </button>
      )}
      <Suspense>
        {rollingBack && <Rollback name={one.name} onClose={() => setRollingBack(false)} />}
      </Suspense>
      <Tabs
        label={one.name}
        names={applications.tabs}
        chosen={chosen}
        onChoose={(key) => void navigate({ search: { tab: key } })}
      />
      <div className="pt-4">
        {chosen === 'resources' && <Resources name={one.name} />}
        {chosen === 'difference' && <LiveDifference name={one.name} />}
        {chosen === 'history' && (
          <History
            name={one.name}
            from={from ? Number(from) : null}
            to={to ? Number(to) : null}
            onCompare={(older, newer) =>
              void navigate({
                search: { tab: 'history', from: String(older), to: String(newer) },
              })
            }
          />
        )}
        {chosen === 'events' && <Events name={one.name} />}
        {chosen === 'metrics' && (
          <Suspense fallback={<Loading />}>
            <Measured name={one.name} />
          </Suspense>
        )}
        {chosen === 'log' && <ReplicaLog name={one.name} />}
      </div>
    </>
  );
}

function LiveDifference({ name }: { name: string }): ReactNode {
  const { applications } = useScreens();
  const query = useQuery(liveDifferenceQuery(name));
  return (
    <Answer query={query}>
      {({ items }) =>
        items.length === 0 ? (
          <p className="text-good">{applications.same}</p>
        ) : (
          items.map((object) => (
            <section key={object.object} className="mb-4">
              <h2>
                <code>{object.object}</code>{' '}
                <span className="font-normal text-muted">{object.change}</span>
              </h2>
              <Difference unified={object.unified} />
            </section>
          ))
        )
      }
    </Answer>
  );
}
