// What is set in a repository's own files, each with the way to change it: a pull request.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { fileQuery, folderQuery, type Place } from '../data/queries';
import { Loading, Reasons } from '../design/Answer';
import { useSettingsWords } from '../messages/Messages';
import { placeOf } from '../repository/place';
import { CONFIGURATION, folderNamed, OWNERS, WORKFLOWS } from './files';
import { OfRepository } from './OfRepository';

export function InGit(): ReactNode {
  const { git } = useSettingsWords();
  return (
    <>
      <p className="mt-4 max-w-prose text-muted">{git.explain}</p>
      <p className="mt-1 max-w-prose text-muted">{git.changeHow}</p>
      <OfRepository>
        {({ name, configuration_problems: wrong }) => (
          <>
            {wrong && wrong.length > 0 && (
              <div className="mt-3 text-bad">
                {git.wrong}
                <Reasons reasons={wrong} />
              </div>
            )}
            <Files place={placeOf(name)} />
          </>
        )}
      </OfRepository>
    </>
  );
}

/** Only what the listing of a folder names is asked for: what is absent is no error. */
function Files({ place }: { place: Place }): ReactNode {
  const { git } = useSettingsWords();
  const root = useQuery(folderQuery(place, '', ''));
  const inRoot = pathsIn(root.data);
  const configuration = useQuery({
    ...fileQuery(place, '', CONFIGURATION),
    enabled: inRoot.includes(CONFIGURATION),
  });
  if (root.isPending || configuration.isLoading) return <Loading />;
  const text = configuration.data?.text ?? '';
  return (
    <>
      <Part title={git.configuration}>
        <Configuration place={place} />
      </Part>
      <OwnersAndWorkflows place={place} inRoot={inRoot} />
      {(['applications', 'objectives'] as const).map((key) => {
        const path = folderNamed(text, key);
        return (
          <Part key={key} title={git[key]}>
            {path ? (
              <Folder place={place} path={path} />
            ) : (
              <p className="text-muted">{git.notNamed(key)}</p>
            )}
          </Part>
        );
      })}
    </>
  );
}

function OwnersAndWorkflows({ place, inRoot }: { place: Place; inRoot: string[] }): ReactNode {
  const { git } = useSettingsWords();
  const github = useQuery({
    ...folderQuery(place, '', '.github'),
    enabled: inRoot.includes('.github'),
  });
  const docs = useQuery({ ...folderQuery(place, '', 'docs'), enabled: inRoot.includes('docs') });
  if (github.isLoading || docs.isLoading) return <Loading />;
  const there = [...pathsIn(github.data), ...inRoot, ...pathsIn(docs.data)];
  const owners = OWNERS.find((one) => there.includes(one));
  return (
    <>
      <Part title={git.owners}>
        {owners ? (
          <File place={place} path={owners} />
        ) : (
          <p className="text-muted">{git.absent(OWNERS[0])}</p>
        )}
      </Part>
      <Part title={git.workflows}>
        {there.includes(WORKFLOWS) ? (
          <Folder place={place} path={WORKFLOWS} />
        ) : (
          <p className="text-muted">{git.absent(WORKFLOWS)}</p>
        )}
      </Part>
    </>
  );
}

function pathsIn(folder: { entries: { path: string }[] } | undefined): string[] {
  return folder?.entries.map(({ path }) => path) ?? [];
}

/** The file in which the rest is named, with the way to change it, or that it is not there. */
export function Configuration({ place }: { place: Place }): ReactNode {
  const { git } = useSettingsWords();
  const root = useQuery(folderQuery(place, '', ''));
  if (root.isPending) return <Loading />;
  return pathsIn(root.data).includes(CONFIGURATION) ? (
    <File place={place} path={CONFIGURATION} />
  ) : (
    <p className="text-muted">{git.absent(CONFIGURATION)}</p>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }): ReactNode {
  return (
    <section aria-label={title} className="panel mt-4">
      <h2 className="mb-1">{title}</h2>
      {children}
    </section>
  );
}

function Folder({ place, path }: { place: Place; path: string }): ReactNode {
  const { git } = useSettingsWords();
  const query = useQuery(folderQuery(place, '', path));
  if (query.isPending) return <Loading />;
  const files = query.data?.entries.filter(({ kind }) => kind === 'file') ?? [];
  if (files.length === 0) return <p className="text-muted">{git.absent(path)}</p>;
  return (
    <ul className="space-y-1">
      {files.map((file) => (
        <li key={file.path}>
          <File place={place} path={file.path} />
        </li>
      ))}
    </ul>
  );
}

function File({ place, path }: { place: Place; path: string }): ReactNode {
  const { git } = useSettingsWords();
  const to = { to: '/repositories/$owner/$name', params: place } as const;
  const search = { path, kind: 'file' };
  return (
    <p className="flex flex-wrap items-center justify-between gap-x-4 gap-y-1">
      <Link {...to} search={search}>
        <code>{path}</code>
      </Link>
      <Link {...to} search={{ ...search, mode: 'edit' }} className="button">
        {git.change}
        <span className="sr-only">{path}</span>
      </Link>
    </p>
  );
}
