// Settings of one repository: which one is chosen in a list and kept in the address.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { Fragment, type ReactNode } from 'react';
import type { components } from '../data/api-types';
import { repositoriesQuery } from '../data/queries';
import { Answer, Empty } from '../design/Answer';
import { SelectField } from '../design/SelectField';
import { useSettingsWords } from '../messages/Messages';

type Repository = components['schemas']['Repository'];

const route = getRouteApi('/settings');

interface OfRepositoryProps {
  /** Nothing of it is kept when another repository is chosen. */
  children: (chosen: Repository) => ReactNode;
}

export function OfRepository({ children }: OfRepositoryProps): ReactNode {
  const { git } = useSettingsWords();
  const query = useQuery(repositoriesQuery);
  const { repository } = route.useSearch();
  const navigate = route.useNavigate();
  return (
    <Answer query={query}>
      {(all) => {
        const chosen = all.find(({ name }) => name === repository) ?? all[0];
        if (!chosen) return <Empty title={git.noRepository} next={git.noRepositoryNext} />;
        return (
          <>
            <div className="mt-3 inline-block max-w-full">
              <SelectField
                label={git.repository}
                value={chosen.name}
                options={all.map(({ name }) => [name, name])}
                onChange={(name) =>
                  void navigate({
                    search: ({ secret: _, ...old }) => ({ ...old, repository: name }),
                  })
                }
              />
            </div>
            <Fragment key={chosen.name}>{children(chosen)}</Fragment>
          </>
        );
      }}
    </Answer>
  );
}
