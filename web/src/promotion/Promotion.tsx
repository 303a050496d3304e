// The way of each build through the environments, why it waits, and promoting by hand.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { components } from '../data/api-types';
import { answerOf, client } from '../data/client';
import { type Place, repositoriesQuery, statusQuery, versionsQuery } from '../data/queries';
import { Answer, Empty, Failure, Reasons } from '../design/Answer';
import { CopyAs } from '../design/CopyAs';
import { Short, short } from '../design/Short';
import { State } from '../design/State';
import { Time } from '../design/Time';
import { useAction } from '../design/useAction';
import { useScreens } from '../messages/Messages';
import { placeOf } from '../repository/place';
import { Delivery } from './Delivery';

type Version = components['schemas']['Version'];
const route = getRouteApi('/promotion');

export function Promotion(): ReactNode {
  const { promotion } = useScreens();
  const repositories = useQuery(repositoriesQuery);
  const status = useQuery(statusQuery);
  const { repository } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Answer query={repositories}>
      {(all) => {
        const [first] = status.data?.environments ?? [];
        const chosen = repository ?? first?.repository ?? all[0]?.name;
        if (!chosen) return <Empty title={promotion.empty} next={promotion.emptyNext} />;
        return (
          <>
            <div className="flex flex-wrap items-baseline justify-between gap-3">
              <h1>{promotion.title}</h1>
              <CopyAs command="boucle env list" path={`/repositories/${chosen}/versions`} />
            </div>
            <label className="mt-2 inline-grid gap-1 text-muted">
              {promotion.choose}
              <select
                className="field"
                value={chosen}
                onChange={(event) =>
                  void navigate({ search: { repository: event.currentTarget.value } })
                }
              >
                {all.map(({ name }) => (
                  <option key={name}>{name}</option>
                ))}
              </select>
            </label>
            <Versions place={placeOf(chosen)} />
            <Delivery place={placeOf(chosen)} />
          </>
        );
      }}
    </Answer>
  );
}

function Versions({ place }: { place: Place }): ReactNode {
  const { promotion } = useScreens();
  const query = useQuery(versionsQuery(place));
  return (
    <Answer query={query}>
      {({ items }) => {
        const [first] = items;
        if (!first) return <Empty title={promotion.empty} next={promotion.emptyNext} />;
        return (
          <div className="mt-4 overflow-x-auto">
            <table className="rows">
              <thead>
                <tr>
                  <th scope="col">{promotion.build}</th>
                  {first.places.map(({ environment }) => (
                    <th key={environment} scope="col">
                      {environment}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {items.map((version) => (
                  <Line key={version.digest} place={place} version={version} />
                ))}
              </tbody>
            </table>
          </div>
        );
      }}
    </Answer>
  );
}

function Line({ place, version }: { place: Place; version: Version }): ReactNode {
  const { promotion } = useScreens();
  return (
    <tr>
      <td className="min-w-52">
        <p>
          {version.artifact} <Short id={version.digest} />
        </p>
        <p>{version.subject}</p>
        <p className="text-muted">
          {promotion.by(version.author)} <Time at={version.published_at} />
        </p>
        {version.quarantined && <p className="text-bad">{promotion.quarantined}</p>}
      </td>
      {version.places.map((one) => (
        <td key={one.environment} className="min-w-40">
          <State state={one.state} word={promotion.states[one.state]} />{' '}
          {one.at && <Time at={one.at} />}
          {one.reasons.length > 0 && <Reasons reasons={one.reasons} />}
          {one.can_be_promoted && one.state !== 'here' && (
            <Promote place={place} version={version} environment={one.environment} />
          )}
        </td>
      ))}
    </tr>
  );
}

interface PromoteProps {
  place: Place;
  version: Version;
  environment: string;
}

function Promote({ place, version, environment }: PromoteProps): ReactNode {
  const { promotion } = useScreens();
  const queries = useQueryClient();
  const action = useAction(() => void queries.invalidateQueries({ queryKey: ['environments'] }));
  const promote = (): void => {
    if (!confirm(promotion.ask(short(version.digest), environment))) return;
    action.run(() =>
      answerOf(
        client.POST('/api/v1/repositories/{owner}/{name}/environments/{environment}/promotions', {
          params: { path: { ...place, environment } },
          body: { artifact: version.artifact, digest: version.digest },
        }),
      ),
    );
  };
  return (
    <div className="mt-1">
      <button type="button" className="button" disabled={action.busy} onClick={promote}>
        {promotion.promote(environment)}
      </button>
      {action.error !== null && <Failure error={action.error} />}
    </div>
  );
}
