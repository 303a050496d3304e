// A job's log: it grows while the job runs; lines are found, linked to and downloaded.
import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { Failure } from '../design/Answer';
import { FilterField } from '../design/FilterField';
import type { Lines } from '../design/lines';
import { useLog } from '../design/useLog';
import { useScreens } from '../messages/Messages';
import { jobLog } from './jobLog';
import { LogRow, ROW_PIXELS } from './LogRow';
import { lineAt, placesOf } from './logLines';

const NONE_FOLDED: ReadonlySet<number> = new Set();
/** Rows beyond the view that are ready before somebody scrolls to them. */
const BEYOND = 10;

interface LogProps {
  run: number;
  job: string;
  attempt: number;
  find: string;
  line: number | null;
  onFind: (text: string) => void;
}

export function Log({ run, job, attempt, find, line, onFind }: LogProps): ReactNode {
  const { runs } = useScreens();
  const source = useMemo(() => jobLog(run, job, attempt), [run, job, attempt]);
  const read = useLog(source);
  const { lines, error } = read;
  const [follow, setFollow] = useState(line === null);
  const holder = useRef<HTMLDivElement>(null);
  const [folded, setFolded] = useState<ReadonlySet<number>>(NONE_FOLDED);
  const places = useMemo(() => placesOf(read.lines, find, folded), [read, find, folded]);
  const count = places?.length ?? lines.count;
  const rows = useVirtualizer({
    count,
    getScrollElement: () => holder.current,
    estimateSize: () => ROW_PIXELS,
    overscan: BEYOND,
  });
  useEffect(() => {
    const place = line === null ? -1 : places ? places.indexOf(line - 1) : line - 1;
    if (place >= 0 && place < count) rows.scrollToIndex(place, { align: 'center' });
    else if (follow && count > 0) rows.scrollToIndex(count - 1);
  }, [rows, places, count, follow, line]);
  const fold = useCallback((step: number): void => {
    // Who folds is reading: the end is not what they look for.
    setFollow(false);
    setFolded((before) => {
      const next = new Set(before);
      if (!next.delete(step)) next.add(step);
      return next;
    });
  }, []);
  return (
    <>
      <div className="my-2 flex flex-wrap items-center gap-3">
        <FilterField label={runs.filter} value={find} width="w-56" onChange={onFind} />
        <span className="text-muted">{runs.found(count)}</span>
        <label className="inline-flex min-h-6 items-center gap-2 text-muted">
          <input
            type="checkbox"
            checked={follow}
            onChange={(event) => setFollow(event.currentTarget.checked)}
          />
          {runs.follow}
        </label>
        <button
          type="button"
          className="button"
          onClick={() => save(`run-${run}-${job}.log`, lines)}
        >
          {runs.download}
        </button>
      </div>
      {error !== null && <Failure error={error} />}
      {lines.count === 0 && error === null && <p className="text-muted">{runs.emptyLog}</p>}
      <div
        ref={holder}
        // Without a line it takes no place, but is there to tell of the first.
        hidden={lines.count === 0}
        role="log"
        // A region that scrolls must be reachable by keyboard.
        // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
        tabIndex={0}
        aria-label={runs.log}
        className="max-h-[60vh] overflow-auto border border-line bg-sunken font-mono text-[12.5px] leading-5"
      >
        <div style={{ height: rows.getTotalSize(), position: 'relative' }}>
          {rows.getVirtualItems().map(({ index, start }) => {
            const row = lineAt(lines, places?.[index] ?? index);
            return (
              <LogRow
                key={row.number}
                {...row}
                job={job}
                marked={row.number === line}
                isFolded={row.step !== null && folded.has(row.step)}
                top={start}
                onFold={fold}
              />
            );
          })}
        </div>
      </div>
    </>
  );
}

function save(name: string, lines: Lines): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob(lines.parts(), { type: 'text/plain' }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
