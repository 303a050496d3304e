// Every repository's pull requests, the open ones first.

import { useQueries, useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { PullRequest } from '../data/client';
import { repositoriesQuery } from '../data/queries';
import { Answer, Empty, Failure, Loading } from '../design/Answer';
import { CopyAs } from '../design/CopyAs';
import { Given } from '../design/Given';
import { State } from '../design/State';
import { Time } from '../design/Time';
import { useScreens } from '../messages/Messages';
import { placeOf } from '../repository/place';
import { pullRequestsQuery } from './queries';

export function PullRequests(): ReactNode {
  const { pullRequests } = useScreens();
  const repositories = useQuery(repositoriesQuery);
  return (
    <>
      <div className="flex flex-wrap items-baseline justify-between gap-3">
        <h1>{pullRequests.title}</h1>
        <CopyAs command="boucle pr list OWNER/NAME" path="/repositories/OWNER/NAME/pull-requests" />
      </div>
      <Answer query={repositories}>
        {(all) => <Of names={all.map((repository) => repository.name)} />}
      </Answer>
    </>
  );
}

function Of({ names }: { names: string[] }): ReactNode {
  const { pullRequests } = useScreens();
  const answers = useQueries({ queries: names.map((name) => pullRequestsQuery(placeOf(name))) });
  const failed = answers.find((one) => one.isError);
  if (failed) return <Failure error={failed.error} again={() => void failed.refetch()} />;
  if (answers.some((one) => one.isPending)) return <Loading />;
  const items = answers.flatMap((one) => one.data?.items ?? []);
  if (items.length === 0) return <Empty title={pullRequests.empty} next={pullRequests.emptyNext} />;
  items.sort(
    (one, other) =>
      Number(other.state === 'open') - Number(one.state === 'open') ||
      other.opened_at.localeCompare(one.opened_at),
  );
  return (
    <div className="mt-3 overflow-x-auto">
      <table className="rows rows-stacked rows-flowing">
        <thead>
          <tr>
            <th scope="col">{pullRequests.state}</th>
            <th scope="col">{pullRequests.heading}</th>
            <th scope="col">{pullRequests.author}</th>
            <th scope="col">{pullRequests.opened}</th>
          </tr>
        </thead>
        <tbody>
          {items.map((one) => (
            <Line key={`${one.repository}#${one.number}`} one={one} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Line({ one }: { one: PullRequest }): ReactNode {
  const params = { ...placeOf(one.repository), number: String(one.number) };
  return (
    <tr>
      <td>
        <State state={one.state} />
      </td>
      <td>
        <Link to="/repositories/$owner/$name/pull-requests/$number" params={params}>
          <Given text={one.title} />
        </Link>{' '}
        <span className="text-muted">
          {one.repository}#{one.number}
        </span>
      </td>
      <td className="whitespace-nowrap">{one.author}</td>
      <td>
        <Time at={one.opened_at} />
      </td>
    </tr>
  );
}
