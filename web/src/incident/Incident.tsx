// One incident: since when, what explains it, what was saved, what was done, what to do next.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { type ReactNode, Suspense } from 'react';
import type { Incident } from '../data/client';
import { applicationQuery, incidentQuery } from '../data/queries';
import { Answer, Loading } from '../design/Answer';
import { CopyAs } from '../design/CopyAs';
import { Short } from '../design/Short';
import { State } from '../design/State';
import { Time } from '../design/Time';
import { useFactMessages, useScreens } from '../messages/Messages';
import { placeOf } from '../repository/place';
import { FactLine } from '../timeline/FactLine';
import { report } from './report';

const route = getRouteApi('/incidents/$id');

export function IncidentScreen(): ReactNode {
  const { id } = route.useParams();
  const query = useQuery(incidentQuery(Number(id)));
  return <Answer query={query}>{(one) => <Shown one={one} />}</Answer>;
}

function Shown({ one }: { one: Incident }): ReactNode {
  const { incidents } = useScreens();
  return (
    <>
      <div className="flex flex-wrap items-baseline justify-between gap-3">
        <h1>{incidents.incident(one.id)}</h1>
        <span className="flex flex-wrap gap-2">
          <Suspense>
            <Export one={one} />
          </Suspense>
          <CopyAs command={`boucle incident show ${one.id}`} path={`/incidents/${one.id}`} />
        </span>
      </div>
      <p className="mt-1 flex flex-wrap gap-x-3">
        <State state={one.state} />
        <Link to="/applications/$name" params={{ name: one.application }}>
          {one.application}
        </Link>
        <span className="text-muted">{one.environment}</span>
        <span className="text-muted">
          {incidents.since} <Time at={one.opened_at} />
        </span>
        {one.resolved_at && (
          <span className="text-muted">
            {incidents.over} <Time at={one.resolved_at} />
          </span>
        )}
      </p>
      <p className="mt-2 text-[16px]">{one.title}</p>
      <div className="mt-4 grid gap-6 lg:grid-cols-2">
        <Part title={incidents.suspect}>
          <Suspect one={one} />
        </Part>
        <Part title={incidents.cases}>
          <ul className="list-disc ps-5">
            {one.cases.map((text) => (
              <li key={text}>{text}</li>
            ))}
          </ul>
        </Part>
        <Part title={incidents.evidence}>
          {one.evidence ? (
            <>
              <p>{one.evidence.summary}</p>
              <p className="text-muted">
                <a href={`/api/v1/evidence/${one.evidence.digest}`} download="evidence.json">
                  <code>{one.evidence.digest.slice(0, 19)}</code>
                </a>{' '}
                {incidents.saved}
              </p>
            </>
          ) : (
            <p className="text-muted">{incidents.noEvidence}</p>
          )}
        </Part>
        <Part title={incidents.did}>
          {one.revert_commit ? (
            <p>
              {incidents.revertedBy} <Short id={one.revert_commit} />
            </p>
          ) : (
            <p className="text-muted">{incidents.nothingDone}</p>
          )}
          {one.next.length > 0 && (
            <>
              <h3 className="mt-3 font-semibold">{incidents.next}</h3>
              <ul className="list-disc ps-5">
                {one.next.map((text) => (
                  <li key={text}>{text}</li>
                ))}
              </ul>
            </>
          )}
        </Part>
      </div>
      <Part title={incidents.timeline}>
        <Suspense fallback={<Loading />}>
          <ol>
            {(one.timeline ?? []).map((fact) => (
              <FactLine key={fact.sequence} fact={fact} />
            ))}
          </ol>
        </Suspense>
      </Part>
    </>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }): ReactNode {
  return (
    <section className="panel min-w-0">
      <h2 className="mb-2">{title}</h2>
      {children}
    </section>
  );
}

function Suspect({ one }: { one: Incident }): ReactNode {
  const { incidents } = useScreens();
  const application = useQuery(applicationQuery(one.application));
  const { suspect } = one;
  if (!suspect) return <p className="text-muted">{incidents.noSuspect}</p>;
  const place = application.data ? placeOf(application.data.repository) : null;
  const number = suspect.pull_request;
  return (
    <p className="flex flex-wrap gap-x-3">
      {number && place && (
        <Link
          to="/repositories/$owner/$name/pull-requests/$number"
          params={{ ...place, number: String(number) }}
        >
          {incidents.pullRequest(number)}
        </Link>
      )}
      {suspect.author && <span>{suspect.author}</span>}
      <Short id={suspect.source_commit ?? suspect.commit} />
      {suspect.digest && <Short id={suspect.digest} />}
    </p>
  );
}

function Export({ one }: { one: Incident }): ReactNode {
  const { incidents } = useScreens();
  const facts = useFactMessages();
  const save = (): void => {
    const link = document.createElement('a');
    const text = report(one, incidents, facts);
    link.href = URL.createObjectURL(new Blob([text], { type: 'text/markdown' }));
    link.download = `incident-${one.id}.md`;
    link.click();
    URL.revokeObjectURL(link.href);
  };
  return (
    <button type="button" className="button" onClick={save}>
      {incidents.export}
    </button>
  );
}
