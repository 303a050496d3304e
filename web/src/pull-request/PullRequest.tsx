// One pull request: what is said, what changes, what that does, and why it cannot be merged yet.

import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { PullRequest } from '../data/client';
import type { Place } from '../data/queries';
import { Answer, Reasons } from '../design/Answer';
import { CopyAs } from '../design/CopyAs';
import { Difference } from '../design/Difference';
import { Given } from '../design/Given';
import { Short } from '../design/Short';
import { State } from '../design/State';
import { isolated } from '../design/seen';
import { Tabs } from '../design/Tabs';
import { Time } from '../design/Time';
import { useScreens } from '../messages/Messages';
import { consequencesQuery, pullRequestQuery } from './queries';
import { Readiness } from './Readiness';
import { Source } from './Source';
import { Talk } from './Talk';

const route = getRouteApi('/repositories/$owner/$name/pull-requests/$number');

/** What the objects of the cluster are written in. */
const OBJECT_PATH = 'object.yaml';
const TABS = ['talk', 'source', 'consequences', 'checks'] as const;

export function PullRequestScreen(): ReactNode {
  const { owner, name, number } = route.useParams();
  const place = { owner, name };
  const query = useQuery(pullRequestQuery(place, Number(number)));
  return <Answer query={query}>{(one) => <Shown place={place} one={one} />}</Answer>;
}

function Shown({ place, one }: { place: Place; one: PullRequest }): ReactNode {
  const { pullRequests } = useScreens();
  const { tab = 'talk', layout, since } = route.useSearch();
  const navigate = route.useNavigate();
  const chosen = TABS.find((known) => known === tab) ?? 'talk';
  return (
    <>
      <div className="flex flex-wrap items-baseline justify-between gap-3">
        <h1>
          <Given text={one.title} /> <span className="font-normal text-muted">#{one.number}</span>
        </h1>
        <CopyAs
          command={`boucle pr show ${one.repository} ${one.number}`}
          path={`/repositories/${one.repository}/pull-requests/${one.number}`}
        />
      </div>
      <p className="mt-1 flex flex-wrap gap-x-3 text-muted">
        <State state={one.state} />
        <span>{one.repository}</span>
        <span>{pullRequests.into(isolated(one.base))}</span>
        <span>{one.author}</span>
        <Time at={one.opened_at} />
        <span>{pullRequests.patchSet(one.patch_set)}</span>
        <Short id={one.head} />
      </p>
      <Previews one={one} />
      <Readiness place={place} one={one} />
      <Tabs
        label={one.title}
        names={pullRequests.tabs}
        chosen={chosen}
        onChoose={(key) => void navigate({ search: (old) => ({ ...old, tab: key }) })}
      />
      <div className="pt-4">
        {chosen === 'talk' && <Talk place={place} one={one} />}
        {chosen === 'source' && (
          <Source
            place={place}
            one={one}
            split={layout === 'split'}
            onSplit={(split) =>
              void navigate({ search: (old) => ({ ...old, layout: split ? 'split' : 'unified' }) })
            }
            since={one.patch_sets.find(({ number }) => String(number) === since)?.number}
            onSince={(number) =>
              void navigate({
                search: ({ since: _, ...old }) =>
                  number ? { ...old, since: String(number) } : old,
              })
            }
          />
        )}
        {chosen === 'consequences' && <Consequences place={place} one={one} />}
        {chosen === 'checks' && <Checks one={one} />}
      </div>
    </>
  );
}

/** What sets make of it, and why one makes nothing of it. */
function Previews({ one }: { one: PullRequest }): ReactNode {
  const { pullRequests } = useScreens();
  const { previews = [], left_out: leftOut = [] } = one;
  return (
    <>
      {previews.length > 0 && (
        <p className="mt-2 flex flex-wrap gap-x-3">
          <span className="text-muted">{pullRequests.previews}</span>
          {previews.map((name) => (
            <Link key={name} to="/applications/$name" params={{ name }}>
              {name}
            </Link>
          ))}
        </p>
      )}
      {leftOut.length > 0 && <Reasons reasons={leftOut} />}
    </>
  );
}

function Consequences({ place, one }: { place: Place; one: PullRequest }): ReactNode {
  const { pullRequests, review } = useScreens();
  const query = useQuery(consequencesQuery(place, one.number, one.head));
  return (
    <Answer query={query}>
      {({ environments, problems }) => (
        <>
          {problems.length > 0 && <Reasons reasons={problems} />}
          {environments.length === 0 && problems.length === 0 && (
            <p className="text-muted">{pullRequests.noConsequences}</p>
          )}
          {environments.map((environment) => (
            <section key={environment.application} className="mb-6">
              <h2>
                {environment.environment}{' '}
                <span className="font-normal text-muted">{environment.application}</span>
              </h2>
              {environment.notes.map((note) => (
                <p key={note}>{note}</p>
              ))}
              {environment.restarts.map((text) => (
                <p key={text} className="text-wait">
                  {pullRequests.restarts(text)}
                </p>
              ))}
              {environment.pruned.map((text) => (
                <p key={text} className="text-bad">
                  {pullRequests.pruned(text)}
                </p>
              ))}
              {environment.objects.map((object) => (
                <details key={object.object} open className="mt-2">
                  <summary className="cursor-pointer py-1">
                    <code>{object.object}</code>{' '}
                    <span className="text-muted">
                      {(review.objectChanges as Record<string, string>)[object.change] ??
                        object.change}
                    </span>
                  </summary>
                  <Difference unified={object.unified} path={OBJECT_PATH} />
                  {object.live === '' && <p>{pullRequests.noLiveChange}</p>}
                  {object.live && (
                    <>
                      <p className="mt-2">{pullRequests.liveChange}</p>
                      <Difference unified={object.live} path={OBJECT_PATH} />
                    </>
                  )}
                </details>
              ))}
            </section>
          ))}
        </>
      )}
    </Answer>
  );
}

function Checks({ one }: { one: PullRequest }): ReactNode {
  const { pullRequests, runs } = useScreens();
  if (one.checks.length === 0) return <p className="text-muted">{pullRequests.noChecks}</p>;
  return (
    <ul>
      {one.checks.map((check) => (
        <li key={check.name} className="flex flex-wrap gap-x-3 border-b border-line py-2">
          <State state={check.state} />
          <Given text={check.name} />
          {check.required && <span className="text-muted">{pullRequests.required}</span>}
          <span className="text-muted">
            <Given text={check.summary ?? ''} />
          </span>
          {check.run && (
            <a href={`/runs/${check.run}`}>
              {runs.run} {check.run}
            </a>
          )}
        </li>
      ))}
    </ul>
  );
}
