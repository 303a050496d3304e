// One run: its jobs and steps, why each is as it is, and the log of the chosen job.

import { useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { lazy, type ReactNode, Suspense } from 'react';
import { answerOf, client, type Run } from '../data/client';
import { runQuery } from '../data/queries';
import { Answer, Failure, Loading } from '../design/Answer';
import { CopyAs } from '../design/CopyAs';
import { Given } from '../design/Given';
import { Short } from '../design/Short';
import { State } from '../design/State';
import { Time } from '../design/Time';
import { Toggle } from '../design/Toggle';
import { useAction } from '../design/useAction';
import { useScreens } from '../messages/Messages';
import { Attempts } from './Attempts';
import { earlierAttempt } from './annotations';
import { JobLine, Steps, Why } from './JobLine';
import { Log } from './Log';
import { attemptQuery } from './queries';
import { Results, ResultsBrief } from './Results';

const Graph = lazy(() => import('./Graph'));
const route = getRouteApi('/runs/$id');

export function RunScreen(): ReactNode {
  const { id } = route.useParams();
  const query = useQuery(runQuery(Number(id)));
  return <Answer query={query}>{(newest) => <OfAttempt newest={newest} />}</Answer>;
}

/** The newest attempt, or the earlier one that the address names. */
function OfAttempt({ newest }: { newest: Run }): ReactNode {
  const earlier = earlierAttempt(route.useSearch().attempt, newest.attempt);
  const query = useQuery({
    ...attemptQuery(newest.id, earlier ?? newest.attempt),
    enabled: earlier !== null,
  });
  if (earlier === null) return <Shown run={newest} newest={newest.attempt} />;
  return <Answer query={query}>{(run) => <Shown run={run} newest={newest.attempt} />}</Answer>;
}

interface ShownProps {
  run: Run;
  /** The number of the newest attempt. */
  newest: number;
}

function Shown({ run, newest }: ShownProps): ReactNode {
  const { runs } = useScreens();
  const { job: wanted, find = '', line, view } = route.useSearch();
  const navigate = route.useNavigate();
  const failed = run.jobs.find((job) => job.conclusion === 'failure');
  const chosen = run.jobs.find((job) => job.key === wanted) ?? failed ?? run.jobs[0];
  const shown = view === 'graph' ? 'graph' : 'list';
  const isNewest = run.attempt === newest;
  const kept = {
    ...(shown === 'graph' ? { view: shown } : {}),
    ...(isNewest ? {} : { attempt: String(run.attempt) }),
  };
  const choose = (key: string): void => void navigate({ search: { ...kept, job: key } });
  return (
    <>
      <div className="flex flex-wrap items-baseline justify-between gap-3">
        <h1>
          <Given text={run.name} /> <span className="font-normal text-muted">{run.id}</span>
        </h1>
        {isNewest ? (
          <CopyAs command={`boucle run show ${run.id}`} path={`/runs/${run.id}`} />
        ) : (
          <CopyAs
            command={`boucle run results ${run.id} --attempt ${run.attempt}`}
            path={`/runs/${run.id}?attempt=${run.attempt}`}
          />
        )}
      </div>
      <p className="mt-1 flex flex-wrap gap-x-3 text-muted">
        <State state={run.conclusion ?? run.state} />
        <span>{run.repository}</span>
        <span>{(runs.events as Record<string, string>)[run.event] ?? run.event}</span>
        <Given text={run.reference.replace('refs/heads/', '')} />
        <Short id={run.commit} />
        <Time at={run.created_at} />
        <span>{runs.attempt(run.attempt)}</span>
        <ResultsBrief run={run} />
      </p>
      <Attempts shown={run} newest={newest} />
      {isNewest && <Acts run={run} />}
      <div className="mt-4 flex flex-wrap items-center justify-between gap-2">
        <h2 id="jobs">{runs.jobs}</h2>
        <Toggle
          label={runs.jobs}
          names={{ list: runs.list, graph: runs.graph }}
          chosen={shown}
          onChoose={(key) =>
            void navigate({
              search: ({ view: _, ...old }) => (key === 'graph' ? { ...old, view: key } : old),
            })
          }
        />
      </div>
      {shown === 'graph' && (
        <Suspense fallback={<Loading />}>
          <Graph run={run} chosen={chosen?.key} onChoose={choose} />
        </Suspense>
      )}
      <div className="mt-3 grid gap-6 lg:grid-cols-[300px_minmax(0,1fr)]">
        {shown === 'list' ? (
          <ul aria-labelledby="jobs" className="space-y-3">
            {run.jobs.map((job) => (
              <JobLine
                key={job.key}
                job={job}
                chosen={job.key === chosen?.key}
                onChoose={() => choose(job.key)}
              />
            ))}
          </ul>
        ) : (
          <section aria-label={chosen?.name ?? runs.jobs}>
            {chosen && (
              <>
                <h2>{chosen.name}</h2>
                <Why job={chosen} />
                <Steps job={chosen} />
              </>
            )}
          </section>
        )}
        <section aria-labelledby="log" className="min-w-0">
          <h2 id="log">{runs.log}</h2>
          {chosen ? (
            <Log
              key={`${chosen.key} ${chosen.attempt}`}
              run={run.id}
              job={chosen.key}
              // The jobs that were not run again keep the log of the attempt in which they ran.
              attempt={chosen.attempt}
              find={find}
              line={line ? Number(line) : null}
              onFind={(text) =>
                void navigate({
                  search: { ...kept, job: chosen.key, ...(text ? { find: text } : {}) },
                  replace: true,
                })
              }
            />
          ) : (
            <p className="text-muted">{runs.choose}</p>
          )}
        </section>
      </div>
      <Results run={run} />
    </>
  );
}

function Acts({ run }: { run: Run }): ReactNode {
  const { runs } = useScreens();
  const queries = useQueryClient();
  const action = useAction(() => void queries.invalidateQueries({ queryKey: ['run', run.id] }));
  const params = { path: { id: run.id } };
  const rerun = (failedOnly: boolean) => (): void =>
    action.run(() =>
      answerOf(
        client.POST('/api/v1/runs/{id}/rerun', { params, body: { failed_only: failedOnly } }),
      ),
    );
  return (
    <>
      <div className="mt-3 flex flex-wrap gap-2">
        {run.state === 'completed' ? (
          <>
            {run.conclusion !== 'success' && (
              <button
                type="button"
                className="button button-first"
                disabled={action.busy}
                onClick={rerun(true)}
              >
                {runs.rerunFailed}
              </button>
            )}
            <button type="button" className="button" disabled={action.busy} onClick={rerun(false)}>
              {runs.rerun}
            </button>
          </>
        ) : (
          <button
            type="button"
            className="button button-danger"
            disabled={action.busy}
            onClick={() =>
              action.run(() => answerOf(client.POST('/api/v1/runs/{id}/cancel', { params })))
            }
          >
            {runs.cancel}
          </button>
        )}
      </div>
      {action.error !== null && <Failure error={action.error} />}
    </>
  );
}
