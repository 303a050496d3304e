// The lines of a file, each with a link to it, and who wrote it when that is asked for.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useMemo, useRef } from 'react';
import { blameQuery, type Place } from '../data/queries';
import { clipped } from '../design/clipped';
import { short } from '../design/Short';
import { Pieces } from '../highlight/Pieces';
import { type Piece, plain } from '../highlight/pieces';
import { useHighlight } from '../highlight/useHighlight';
import { useScreens } from '../messages/Messages';

const route = getRouteApi('/repositories/$owner/$name');
const ROW_PIXELS = 20;

export interface FileAt {
  place: Place;
  revision: string;
  path: string;
}

interface LinesProps {
  path: string;
  text: string;
  blame: FileAt | null;
}

export function Lines({ path, text, blame }: LinesProps): ReactNode {
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
              <Link
                from={route.id}
                search={(old) => ({ ...old, line: String(index + 1) })}
                replace
                resetScroll={false}
                aria-label={repositories.line(index + 1)}
                className="w-12 shrink-0 pe-2 text-end text-muted no-underline select-none hover:text-accent"
              >
                {index + 1}
              </Link>
              <Line text={lines[index] ?? ''} pieces={coloured?.[index]} />
            </div>
          ))}
        </div>
      </section>
    </>
  );
}

function Line({ text, pieces }: { text: string; pieces: Piece[] | undefined }): ReactNode {
  const { difference } = useScreens();
  const { text: shown, left } = clipped(text);
  return (
    <span className="whitespace-pre">
      <Pieces pieces={left > 0 || !pieces ? plain(shown) : pieces} />
      {left > 0 && <span className="text-muted"> {difference.left(left)}</span>}
    </span>
  );
}

/** For each line the commit and author that brought it; only the first line of a span says it. */
function useAuthors(blame: FileAt | null): string[] {
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
