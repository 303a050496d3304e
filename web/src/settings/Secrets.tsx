// The secrets of a repository: their names go out, their values only go in.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { type ReactNode, useRef, useState } from 'react';
import type { components } from '../data/api-types';
import { answerOf, client } from '../data/client';
import { Answer, Empty } from '../design/Answer';
import { CopyAs } from '../design/CopyAs';
import { Given } from '../design/Given';
import { Time } from '../design/Time';
import { useSettingsWords } from '../messages/Messages';
import { placeOf } from '../repository/place';
import { Confirm } from './Confirm';
import { ROW } from './fields';
import { OfRepository } from './OfRepository';
import { secretsQuery } from './queries';
import { SetSecret } from './SetSecret';

type Secret = components['schemas']['Secret'];

const route = getRouteApi('/settings');

export function Secrets(): ReactNode {
  const { secrets } = useSettingsWords();
  return (
    <>
      <p className="mt-4 max-w-prose text-muted">{secrets.explain}</p>
      <OfRepository>{({ name }) => <OfOne repository={name} />}</OfRepository>
    </>
  );
}

function OfOne({ repository }: { repository: string }): ReactNode {
  const query = useQuery(secretsQuery(repository));
  return (
    <>
      <p className="mt-3">
        <CopyAs
          command={`boucle secret list ${repository}`}
          path={`/repositories/${repository}/secrets`}
        />
      </p>
      <Answer query={query}>
        {({ items }) => <Shown repository={repository} items={items} />}
      </Answer>
    </>
  );
}

function Shown({ repository, items }: { repository: string; items: Secret[] }): ReactNode {
  const { secrets } = useSettingsWords();
  const [name, setName] = useState(route.useSearch().secret ?? '');
  const value = useRef<HTMLInputElement>(null);
  const change = (one: string): void => {
    setName(one);
    value.current?.focus();
  };
  return (
    <>
      {items.length === 0 ? (
        <Empty title={secrets.none} next={secrets.noneNext} />
      ) : (
        <List repository={repository} items={items} onChange={change} />
      )}
      <SetSecret repository={repository} name={name} onName={setName} valueField={value} />
    </>
  );
}

interface ListProps {
  repository: string;
  items: Secret[];
  onChange: (name: string) => void;
}

function List({ repository, items, onChange }: ListProps): ReactNode {
  const { secrets } = useSettingsWords();
  const queries = useQueryClient();
  const [leaving, setLeaving] = useState<string | null>(null);
  const done = (): void => {
    setLeaving(null);
    void queries.invalidateQueries({ queryKey: ['secrets', repository] });
  };
  return (
    <>
      <ul className="mt-3">
        {items.map(({ name, set_at: at, set_by: by, cluster, charts, decrypts }) => (
          <li key={name} className={`${ROW} xl:grid-cols-[2fr_3fr_auto]`}>
            <code className="font-semibold">{name}</code>
            <span className="text-muted">
              {secrets.setAt} <Time at={at} /> <Given text={secrets.by(by)} />
              {cluster && (
                <>
                  {' '}
                  · <Given text={secrets.opens(cluster)} />
                </>
              )}
              {charts && (
                <>
                  {' '}
                  · <Given text={secrets.opensCharts(charts.url)} />
                </>
              )}
              {decrypts && ` · ${secrets.decrypts}`}
            </span>
            <span className="flex flex-wrap gap-2">
              <button
                type="button"
                className="button"
                aria-label={secrets.changeLabel(name)}
                onClick={() => onChange(name)}
              >
                {secrets.change}
              </button>
              <button
                type="button"
                className="button button-danger"
                aria-label={secrets.removeLabel(name)}
                onClick={() => setLeaving(name)}
              >
                {secrets.remove}
              </button>
            </span>
          </li>
        ))}
      </ul>
      {leaving !== null && (
        <Confirm
          title={secrets.removeTitle(leaving)}
          does={secrets.removeDoes}
          verb={secrets.removeDo}
          typed={{ name: leaving, label: secrets.removeType(leaving) }}
          act={() =>
            answerOf(
              client.DELETE('/api/v1/repositories/{owner}/{name}/secrets/{secret}', {
                params: { path: { ...placeOf(repository), secret: leaving } },
              }),
            )
          }
          onDone={done}
          onClose={() => setLeaving(null)}
        />
      )}
    </>
  );
}
