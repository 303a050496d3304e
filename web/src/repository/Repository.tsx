// A repository: its folders and files, their history, and where a text stands.

import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { branchesQuery, folderQuery, historyQuery, type Place, searchQuery } from '../data/queries';
import { Answer, Empty } from '../design/Answer';
import { CopyAs } from '../design/CopyAs';
import { FilterField } from '../design/FilterField';
import { Given } from '../design/Given';
import { Short } from '../design/Short';
import { Size } from '../design/Size';
import { isolated } from '../design/seen';
import { Tabs } from '../design/Tabs';
import { Time } from '../design/Time';
import { useScreens } from '../messages/Messages';
import { Text } from '../pull-request/Talk';
import { FileView } from './FileView';
import { addressOf } from './relative';

const route = getRouteApi('/repositories/$owner/$name');
const VIEWS = ['files', 'history', 'branches'] as const;

export function Repository(): ReactNode {
  const { repositories } = useScreens();
  const place = route.useParams();
  const { path = '', kind, revision = '', view = 'files', search = '' } = route.useSearch();
  const navigate = route.useNavigate();
  const full = `${place.owner}/${place.name}`;
  const chosen = VIEWS.find((known) => known === view) ?? 'files';
  const { files, history, branches } = repositories;
  return (
    <>
      <div className="flex flex-wrap items-baseline justify-between gap-3">
        <h1>{full}</h1>
        <CopyAs command={`boucle repo show ${full}`} path={`/repositories/${full}`} />
      </div>
      <p className="mt-1 text-muted">
        {repositories.clone} <code>{`git clone ${location.origin}/${full}`}</code>
      </p>
      <div className="mt-3 flex flex-wrap items-end gap-3">
        <FilterField
          label={repositories.search}
          value={search}
          width="w-96"
          onChange={(text) =>
            void navigate({
              search: ({ search: _, ...old }) => (text ? { ...old, search: text } : old),
              replace: true,
            })
          }
        />
      </div>
      <Tabs
        label={full}
        names={{ files, history, branches }}
        chosen={chosen}
        onChoose={(key) => void navigate({ search: (old) => ({ ...old, view: key }) })}
      />
      <div className="pt-3">
        {revision && (
          <p className="mb-2 flex flex-wrap gap-x-3">
            <span>{repositories.at(isolated(revision))}</span>
            <Link from={route.id} search={({ revision: _, ...old }) => old}>
              {repositories.atDefault}
            </Link>
          </p>
        )}
        <Crumbs path={path} />
        {search.length >= 2 ? (
          <Found place={place} revision={revision} text={search} />
        ) : chosen === 'files' ? (
          <Files place={place} revision={revision} path={path} isFile={kind === 'file'} />
        ) : chosen === 'history' ? (
          <History place={place} revision={revision} path={path} />
        ) : (
          <Branches place={place} />
        )}
      </div>
    </>
  );
}

function Crumbs({ path }: { path: string }): ReactNode {
  const { repositories } = useScreens();
  const parts = path.split('/').filter(Boolean);
  return (
    <nav aria-label={repositories.files} className="mb-2">
      <Link from={route.id} search={({ path: _, kind: __, line: ___, mode: ____, ...old }) => old}>
        {repositories.root}
      </Link>
      {parts.map((part, index) => (
        <span key={parts.slice(0, index + 1).join('/')}>
          {' / '}
          <Link
            from={route.id}
            search={({ kind: _, line: __, mode: ___, ...old }) => ({
              ...old,
              path: parts.slice(0, index + 1).join('/'),
            })}
          >
            <Given text={part} />
          </Link>
        </span>
      ))}
    </nav>
  );
}

interface At {
  place: Place;
  revision: string;
  path: string;
}

function Files({ place, revision, path, isFile }: At & { isFile: boolean }): ReactNode {
  const { repositories } = useScreens();
  const query = useQuery({ ...folderQuery(place, revision, path), enabled: !isFile });
  // An address without the kind may be a file's: the folder is asked for first.
  if (isFile || (query.isError && path !== '')) {
    return <FileView place={place} revision={revision} path={path} />;
  }
  if (query.isError && path === '') return <Empty title={repositories.emptyFolder} />;
  return (
    <Answer query={query}>
      {({ entries, readme, commit }) => (
        <>
          <p className="mb-2 flex flex-wrap gap-x-3 text-muted">
            <Short id={commit.id} />
            <Given text={commit.subject} />
            <Time at={commit.committed_at} />
          </p>
          <ul className="border-t border-line">
            {entries.map((entry) => (
              <li key={entry.path} className="flex gap-3 border-b border-line py-1">
                <span aria-hidden="true" className="w-4 text-muted">
                  {entry.kind === 'folder' ? '▸' : ''}
                </span>
                <Link
                  from={route.id}
                  search={({ kind: _, line: __, mode: ___, ...old }) => ({
                    ...old,
                    path: entry.path,
                    ...(entry.kind === 'folder' ? {} : { kind: 'file' }),
                  })}
                  className="min-h-6 flex-1"
                >
                  <Given text={entry.name} />
                </Link>
                {typeof entry.bytes === 'number' && (
                  <span className="text-muted">
                    <Size bytes={entry.bytes} />
                  </span>
                )}
              </li>
            ))}
          </ul>
          {readme && (
            <section className="mt-6" aria-label={readme.path}>
              {readme.path.toLowerCase().endsWith('.md') ? (
                <Text
                  text={readme.text}
                  resolve={(link) => addressOf(place, revision, readme.path, link)}
                />
              ) : (
                <pre className="whitespace-pre-wrap">{readme.text}</pre>
              )}
            </section>
          )}
        </>
      )}
    </Answer>
  );
}

function History({ place, revision, path }: At): ReactNode {
  const query = useQuery(historyQuery(place, revision, path));
  return (
    <Answer query={query}>
      {({ items }) => (
        <ol>
          {items.map((commit) => (
            <li
              key={commit.id}
              className="flex flex-wrap items-start gap-x-3 border-b border-line py-2"
            >
              <Short id={commit.id} />
              <span className="min-w-40 flex-1">
                <Given text={commit.subject} />
              </span>
              <span className="text-muted">{commit.author.replace(/ <.*/, '')}</span>
              <Time at={commit.committed_at} />
            </li>
          ))}
        </ol>
      )}
    </Answer>
  );
}

function Branches({ place }: { place: Place }): ReactNode {
  const query = useQuery(branchesQuery(place));
  return (
    <Answer query={query}>
      {({ items }) => (
        <ul>
          {items.map(({ name, commit }) => (
            <li key={name} className="flex flex-wrap gap-x-3 border-b border-line py-2">
              <Link from={route.id} search={{ revision: name }}>
                <Given text={name} />
              </Link>
              <span className="min-w-40 flex-1 text-muted">
                <Given text={commit.subject} />
              </span>
              <Time at={commit.committed_at} />
            </li>
          ))}
        </ul>
      )}
    </Answer>
  );
}

function Found({
  place,
  revision,
  text,
}: {
  place: Place;
  revision: string;
  text: string;
}): ReactNode {
  const { repositories } = useScreens();
  const query = useQuery(searchQuery(place, revision, text));
  return (
    <Answer query={query}>
      {({ matches, complete }) => (
        <>
          <p className="text-muted">
            {repositories.found(matches.length)} {!complete && repositories.incomplete}
          </p>
          <ul>
            {matches.map((one) => (
              <li key={`${one.path}:${one.line}`} className="border-b border-line py-1">
                <Link
                  from={route.id}
                  search={{
                    path: one.path,
                    kind: 'file',
                    ...(one.line ? { line: String(one.line) } : {}),
                  }}
                >
                  <Given text={one.path} />
                  {one.line ? `:${one.line}` : ''}
                </Link>{' '}
                <code>
                  <Given text={one.text ?? ''} />
                </code>
              </li>
            ))}
          </ul>
        </>
      )}
    </Answer>
  );
}
