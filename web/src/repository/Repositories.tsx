// Every repository that one may read.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { repositoriesQuery } from '../data/queries';
import { Answer, Empty, Reasons } from '../design/Answer';
import { CopyAs } from '../design/CopyAs';
import { useScreens } from '../messages/Messages';
import { placeOf } from './place';

export function Repositories(): ReactNode {
  const { repositories } = useScreens();
  const query = useQuery(repositoriesQuery);
  return (
    <>
      <div className="flex flex-wrap items-baseline justify-between gap-3">
        <h1>{repositories.title}</h1>
        <CopyAs command="boucle repo list" path="/repositories" />
      </div>
      <Answer query={query}>
        {(all) =>
          all.length === 0 ? (
            <Empty title={repositories.empty} next={repositories.emptyNext} />
          ) : (
            <ul className="mt-3">
              {all.map((one) => (
                <li key={one.name} className="border-b border-line py-2">
                  <Link to="/repositories/$owner/$name" params={placeOf(one.name)}>
                    {one.name}
                  </Link>{' '}
                  <span className="text-muted">{repositories.visibility[one.visibility]}</span>{' '}
                  <code className="text-muted">{`git clone ${one.clone_url}`}</code>
                  {one.configuration_problems && one.configuration_problems.length > 0 && (
                    <>
                      <p className="text-bad">{repositories.wrong}</p>
                      <Reasons reasons={one.configuration_problems} />
                    </>
                  )}
                </li>
              ))}
            </ul>
          )
        }
      </Answer>
    </>
  );
}
