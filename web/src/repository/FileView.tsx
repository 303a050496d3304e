// A file with its lines, who wrote them, and a change of it as a pull request.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { answerOf, client } from '../data/client';
import { blameQuery, fileQuery, type Place } from '../data/queries';
import { Answer, Failure } from '../design/Answer';
import { useDraft } from '../design/draft';
import { short } from '../design/Short';
import { useAction } from '../design/useAction';
import { Pieces } from '../highlight/Pieces';
import { useHighlight } from '../highlight/useHighlight';
import { useScreens } from '../messages/Messages';

const route = getRouteApi('/repositories/$owner/$name');
const ROW_PIXELS = 20;

interface FileViewProps {
  place: Place;
  revision: string;
  path: string;
}

export function FileView({ place, revision, path }: FileViewProps): ReactNode {
  const { repositories } = useScreens();
  const query = useQuery(fileQuery(place, revision, path));
  const [mode, setMode] = useState<'plain' | 'blame' | 'edit'>('plain');
  const full = `${place.owner}/${place.name}`;
  const asked = new URLSearchParams(revision ? { path, revision } : { path });
  return (
    <Answer query={query}>
      {(file) => (
        <>
          <div className="mb-2 flex flex-wrap items-center gap-2">
            <a className="button" href={`/api/v1/repositories/${full}/raw?${asked}`} download>
              {repositories.download}
            </a>
            {file.text !== null && file.text !== undefined && file.kind === 'file' && (
              <>
                <button
                  type="button"
                  className="button"
                  aria-pressed={mode === 'blame'}
                  onClick={() => setMode(mode === 'blame' ? 'plain' : 'blame')}
                >
                  {mode === 'blame' ? repositories.plain : repositories.blame}
                </button>
                <button
                  type="button"
                  className="button"
                  aria-pressed={mode === 'edit'}
                  onClick={() => setMode(mode === 'edit' ? 'plain' : 'edit')}
                >
                  {repositories.edit}
                </button>
              </>
            )}
          </div>
          {file.without_text === 'too_large' && <p>{repositories.tooLarge}</p>}
          {file.without_text === 'binary' && <p>{repositories.binary}</p>}
          {file.text !== null &&
            file.text !== undefined &&
            (mode === 'edit' ? (
              <Edit place={place} path={path} text={file.text} object={file.object} />
            ) : (
              <Lines
                path={path}
                text={file.text}
                blame={mode === 'blame' ? { place, revision, path } : null}
              />
            ))}
        </>
      )}
    </Answer>
  );
}

interface LinesProps {
  path: string;
  text: string;
  blame: FileViewProps | null;
}

function Lines({ path, text, blame }: LinesProps): ReactNode {
  const { repositories } = useScreens();
  const { line } = route.useSearch();
  const holder = useRef<HTMLElement>(null);
  const lines = useMemo(() => text.replace(/\n$/, '').split('\n'), [text]);
  const texts = useMemo(() => [text], [text]);
  const coloured = useHighlight(path, texts)?.[0];
  const marked = line ? Number(line) : null;
  const rows = useVirtualizer({
    count: lines.length,
    getScrollElement: () => holder.current,
    estimateSize: () => ROW_PIXELS,
    overscan: 30,
  });
  useEffect(() => {
    if (marked !== null) rows.scrollToIndex(marked - 1, { align: 'center' });
  }, [rows, marked]);
  const authors = useAuthors(blame);
  return (
    <>
      <p className="text-muted">{repositories.lines(lines.length)}</p>
      <section
        ref={holder}
        aria-label={repositories.plain}
        // A region that scrolls must be reachable by keyboard.
        // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
        tabIndex={0}
        className="max-h-[70vh] overflow-auto border border-line bg-raised font-mono text-[12.5px] leading-5"
      >
        <div style={{ height: rows.getTotalSize(), position: 'relative' }}>
          {rows.getVirtualItems().map(({ index, start }) => (
            <div
              key={index}
              className={`absolute flex w-max min-w-full ${index + 1 === marked ? 'bg-wait-ground' : ''}`}
              style={{ top: start, height: ROW_PIXELS }}
            >
              {blame && (
                <span className="w-56 shrink-0 truncate px-2 text-muted">{authors[index]}</span>
              )}
              <span className="w-12 shrink-0 pe-2 text-end text-muted select-none">
                {index + 1}
              </span>
              <span className="whitespace-pre">
                {coloured ? <Pieces pieces={coloured[index] ?? []} /> : lines[index]}
              </span>
            </div>
          ))}
        </div>
      </section>
    </>
  );
}

/** For each line the commit and author that brought it; only the first line of a span says it. */
function useAuthors(blame: FileViewProps | null): string[] {
  const query = useQuery({
    ...blameQuery(
      blame?.place ?? { owner: '', name: '' },
      blame?.revision ?? '',
      blame?.path ?? '',
    ),
    enabled: blame !== null,
  });
  return useMemo(() => {
    const said: string[] = [];
    const commits = new Map(query.data?.commits.map((commit) => [commit.id, commit]));
    for (const span of query.data?.spans ?? []) {
      const commit = commits.get(span.commit);
      const author = commit?.author.replace(/ <.*/, '') ?? '';
      said[span.first_line - 1] = `${short(span.commit)} ${author} ${commit?.subject ?? ''}`;
    }
    return said;
  }, [query.data]);
}

interface EditProps {
  place: Place;
  path: string;
  text: string;
  object: string;
}

function Edit({ place, path, text, object }: EditProps): ReactNode {
  const { repositories } = useScreens();
  const navigate = useNavigate();
  const [draft, setDraft] = useDraft(`edit ${object}`);
  const [title, setTitle] = useDraft(`title ${object}`);
  const action = useAction();
  const propose = (): void =>
    action.run(async () => {
      const edits = [{ path, text: draft, expected_object: object }];
      const opened = await answerOf(
        client.POST('/api/v1/repositories/{owner}/{name}/edits', {
          params: { path: place },
          body: { title, edits },
        }),
      );
      setDraft('');
      setTitle('');
      await navigate({
        to: '/repositories/$owner/$name/pull-requests/$number',
        params: { ...place, number: String(opened.number) },
      });
    });
  return (
    <div>
      <textarea
        className="field h-[50vh] w-full font-mono"
        aria-label={path}
        spellCheck={false}
        value={draft === '' ? text : draft}
        onChange={(event) => setDraft(event.currentTarget.value)}
      />
      <label className="mt-2 grid gap-1 text-muted">
        {repositories.changeTitle}
        <input
          className="field"
          value={title}
          onChange={(event) => setTitle(event.currentTarget.value)}
        />
      </label>
      {action.error !== null && <Failure error={action.error} />}
      <button
        type="button"
        className="button button-first mt-2"
        disabled={action.busy || title.trim() === '' || draft === ''}
        onClick={propose}
      >
        {repositories.propose}
      </button>
    </div>
  );
}
