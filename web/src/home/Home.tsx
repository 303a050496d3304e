// Services × environments: what runs where, how it is, what is on its way, what needs somebody now.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { type ReactNode, Suspense } from 'react';
import type { Environment, Status } from '../data/client';
import { recentFactsQuery, statusQuery } from '../data/queries';
import { remembered } from '../data/remembered';
import { useStore } from '../data/store';
import { Answer, Empty, Loading } from '../design/Answer';
import { CopyAs } from '../design/CopyAs';
import { FilterField } from '../design/FilterField';
import { Short } from '../design/Short';
import { State } from '../design/State';
import { Time } from '../design/Time';
import { useMessages } from '../messages/Messages';
import { FactLine } from '../timeline/FactLine';
import { NeedsYou } from './NeedsYou';

const route = getRouteApi('/');
const favourites = remembered('favourites');
const stepsAway = remembered('steps-away');

export function Home(): ReactNode {
  const { home } = useMessages();
  const status = useQuery(statusQuery);
  return (
    <>
      <div className="flex flex-wrap items-baseline justify-between gap-3">
        <h1>{home.title}</h1>
        <CopyAs command="boucle status" path="/status" />
      </div>
      <Answer query={status}>
        {(data) => (
          <>
            <Steps />
            <NeedsYou status={data} />
            <Matrix status={data} />
            <Recent />
          </>
        )}
      </Answer>
    </>
  );
}

/** The loop in four steps, for whoever sees it first. */
function Steps(): ReactNode {
  const { home, phases } = useMessages();
  const away = useStore(stepsAway);
  if (away) return null;
  const steps = ['change', 'checks', 'deploy', 'watch'] as const;
  return (
    <section aria-label={home.loop} className="mt-4 border-y border-line py-3">
      <ol className="grid gap-4 sm:grid-cols-2 xl:grid-cols-4">
        {steps.map((step, index) => (
          <li key={step}>
            <p className="font-semibold text-accent">
              {index + 1} {phases[step]}
            </p>
            <p className="text-muted">{home.steps[step]}</p>
          </li>
        ))}
      </ol>
      <button type="button" className="button mt-3" onClick={() => stepsAway.set('1')}>
        {home.loopHide}
      </button>
    </section>
  );
}

function Matrix({ status }: { status: Status }): ReactNode {
  const { home } = useMessages();
  const { filter = '' } = route.useSearch();
  const navigate = route.useNavigate();
  const kept = new Set((useStore(favourites) ?? '').split('\n').filter(Boolean));
  const services = groups(status.environments).filter(([name]) => name.includes(filter));
  services.sort(([one], [other]) => Number(kept.has(other)) - Number(kept.has(one)));
  const names = [...new Set(status.environments.map((one) => one.name))];
  const keep = (name: string): void => {
    const next = new Set(kept);
    if (!next.delete(name)) next.add(name);
    favourites.set([...next].join('\n') || null);
  };
  return (
    <section aria-labelledby="services" className="mt-6">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <h2 id="services">{home.services}</h2>
        <FilterField
          label={home.filter}
          value={filter}
          onChange={(text) =>
            void navigate({ search: text ? { filter: text } : {}, replace: true })
          }
        />
      </div>
      {status.environments.length === 0 && (
        <Empty title={home.nothingDeployed} next={home.nothingDeployedNext} />
      )}
      {services.length === 0 && status.environments.length > 0 && <Empty title={home.noMatch} />}
      {services.length > 0 && (
        <div className="mt-2 overflow-x-auto">
          <table className="rows">
            <thead>
              <tr>
                <th scope="col">{home.service}</th>
                {names.map((name) => (
                  <th key={name} scope="col">
                    {name}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {services.map(([name, environments]) => (
                <tr key={name}>
                  <th scope="row" className="text-ink!">
                    <button
                      type="button"
                      className="min-h-6 min-w-6 cursor-pointer text-accent"
                      aria-pressed={kept.has(name)}
                      aria-label={kept.has(name) ? home.notFavourite(name) : home.favourite(name)}
                      onClick={() => keep(name)}
                    >
                      {kept.has(name) ? '★' : '☆'}
                    </button>
                    <RepositoryLink name={name} />
                  </th>
                  {names.map((column) => (
                    <td key={column}>
                      <Cell environment={environments.find((one) => one.name === column)} />
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function groups(environments: Environment[]): [string, Environment[]][] {
  const byRepository = new Map<string, Environment[]>();
  for (const one of environments) {
    byRepository.set(one.repository, [...(byRepository.get(one.repository) ?? []), one]);
  }
  return [...byRepository];
}

function RepositoryLink({ name }: { name: string }): ReactNode {
  const [owner = '', repository = ''] = name.split('/');
  return (
    <Link to="/repositories/$owner/$name" params={{ owner, name: repository }}>
      {name}
    </Link>
  );
}

function Cell({ environment }: { environment: Environment | undefined }): ReactNode {
  const { home } = useMessages();
  if (!environment) return <span className="text-muted">{home.notHere}</span>;
  const [artifact] = environment.artifacts;
  const bad = artifact?.digest && environment.quarantined.includes(artifact.digest);
  return (
    <div className="min-w-44 space-y-1">
      <p>
        <Link to="/applications/$name" params={{ name: environment.application }}>
          <State state={environment.health} />
        </Link>
        {environment.verdict && environment.verdict !== environment.health && (
          <>
            {' · '}
            <State state={environment.verdict} />
          </>
        )}
      </p>
      <p>
        {artifact?.digest ? <Short id={artifact.digest} /> : <span>{home.noVersion}</span>}{' '}
        {bad && <State state="quarantined" />} {artifact?.since && <Time at={artifact.since} />}
      </p>
      {environment.waiting_on.map((reason) => (
        <p key={reason.code} className="text-wait" title={reason.message}>
          <Waits code={reason.code} message={reason.message} />
        </p>
      ))}
    </div>
  );
}

function Waits({ code, message }: { code: string; message: string }): ReactNode {
  const { reasons } = useMessages();
  return (reasons as Record<string, string>)[code] ?? message;
}

function Recent(): ReactNode {
  const { home } = useMessages();
  const facts = useQuery(recentFactsQuery);
  return (
    <section aria-labelledby="recent" className="mt-8">
      <h2 id="recent">{home.recent}</h2>
      <Answer query={facts}>
        {(page) => (
          <Suspense fallback={<Loading />}>
            <ol>
              {page.items.map((fact) => (
                <FactLine key={fact.sequence} fact={fact} />
              ))}
            </ol>
          </Suspense>
        )}
      </Answer>
      <p className="mt-3">
        <Link to="/timeline">{home.whole}</Link>
      </p>
    </section>
  );
}
