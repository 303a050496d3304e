// The way of a repository's builds through its environments, and how well it delivers.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { repositoriesQuery, statusQuery } from '../data/queries';
import { Answer, Empty } from '../design/Answer';
import { CopyAs } from '../design/CopyAs';
import { useScreens } from '../messages/Messages';
import { placeOf } from '../repository/place';
import { Delivery } from './Delivery';
import { Versions } from './Versions';

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
            <label className="mt-2 inline-grid max-w-full min-w-0 grid-cols-[minmax(0,auto)] gap-1 text-muted">
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
