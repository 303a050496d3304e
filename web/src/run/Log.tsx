// A job's log: it grows while the job runs; lines are found, linked to and downloaded.

import { Link } from '@tanstack/react-router';
import { useVirtualizer } from '@tanstack/react-virtual';
import { AnsiUp } from 'ansi_up';
import { memo, type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { Failure } from '../design/Answer';
import { clipped } from '../design/clipped';
import { seen } from '../design/seen';
import { useScreens } from '../messages/Messages';
import type { Lines } from './lines';
import { useLog } from './useLog';

const ROW_PIXELS = 20;
/** Rows beyond the view that are ready before somebody scrolls to them. */
const BEYOND = 10;

interface LogProps {
  run: number;
  job: string;
  find: string;
  line: number | null;
  onFind: (text: string) => void;
}

export function Log({ run, job, find, line, onFind }: LogProps): ReactNode {
  const { runs } = useScreens();
  const read = useLog(run, job);
  const { lines, error } = read;
  const [follow, setFollow] = useState(line === null);
  const holder = useRef<HTMLDivElement>(null);
  // The places of what was found; `null` while every line is shown.
  const found = useMemo(() => (find === '' ? null : read.lines.find(find)), [read, find]);
  const count = found?.length ?? lines.count;
  const rows = useVirtualizer({
    count,
    getScrollElement: () => holder.current,
    estimateSize: () => ROW_PIXELS,
    overscan: BEYOND,
  });
  useEffect(() => {
    const place = line === null || line > lines.count ? -1 : indexOf(found, line - 1);
    if (place >= 0) rows.scrollToIndex(place, { align: 'center' });
    else if (follow && count > 0) rows.scrollToIndex(count - 1);
  }, [rows, lines, found, count, follow, line]);
  return (
    <>
      <div className="my-2 flex flex-wrap items-center gap-3">
        <input
          className="field"
          type="search"
          data-filter
          aria-label={runs.filter}
          placeholder={runs.filter}
          value={find}
          onChange={(event) => onFind(event.currentTarget.value)}
        />
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
            const place = found ? (found[index] ?? 0) : index;
            return (
              <Row
                key={place}
                number={place + 1}
                text={lines.at(place)}
                top={start}
                job={job}
                chosen={place + 1 === line}
              />
            );
          })}
        </div>
      </div>
    </>
  );
}

/** Where a line is among those that are shown; -1 when it is none of them. */
function indexOf(found: number[] | null, place: number): number {
  return found ? found.indexOf(place) : place;
}

interface RowProps {
  number: number;
  text: string;
  top: number;
  job: string;
  chosen: boolean;
}

/** A row that stays as it is costs nothing while others come and go. */
const Row = memo(function Row({ number, text, top, job, chosen }: RowProps): ReactNode {
  const { runs } = useScreens();
  return (
    <div
      className={`absolute flex w-max min-w-full ${chosen ? 'bg-wait-ground' : ''}`}
      style={{ top, height: ROW_PIXELS }}
    >
      <Link
        from="/runs/$id"
        search={(old) => ({ ...old, job, line: String(number) })}
        replace
        resetScroll={false}
        className="min-w-12 shrink-0 pe-2 text-end text-muted no-underline select-none"
        aria-label={runs.line(number)}
      >
        {number}
      </Link>
      <Coloured text={text} />
    </div>
  );
});

interface Fragment {
  text: string;
  className: string;
}

interface Parsed {
  text: string;
  bold: boolean;
  fg: { class_name: string } | null;
}

const TONES: [string, string][] = [
  ['red', 'text-bad'],
  ['green', 'text-good'],
  ['yellow', 'text-wait'],
];

/** Reads colours with the library's parser, and keeps its pieces instead of its markup. */
function piecesOf(text: string): Fragment[] {
  if (!text.includes('\u001b')) return [{ text, className: '' }];
  const pieces: Fragment[] = [];
  const reader = new AnsiUp();
  const hook = reader as unknown as { transform_to_html: (parsed: Parsed) => string };
  hook.transform_to_html = ({ text: piece, bold, fg }) => {
    const known = TONES.find(([colour]) => fg?.class_name.includes(colour));
    const tone = fg ? (known?.[1] ?? 'text-accent') : '';
    pieces.push({ text: piece, className: bold ? `${tone} font-bold` : tone });
    return '';
  };
  reader.ansi_to_html(text);
  return pieces;
}

function Coloured({ text }: { text: string }): ReactNode {
  const { difference } = useScreens();
  const { text: shown, left } = useMemo(() => clipped(seen(text)), [text]);
  const pieces = useMemo(() => piecesOf(shown), [shown]);
  return (
    <span className="whitespace-pre">
      {pieces.map(({ text: piece, className }, index) => (
        // The pieces of a line never change their order.
        // biome-ignore lint/suspicious/noArrayIndexKey: see above
        <span key={index} className={className}>
          {piece}
        </span>
      ))}
      {left > 0 && <span className="text-muted"> {difference.left(left)}</span>}
    </span>
  );
}

function save(name: string, lines: Lines): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob(lines.parts(), { type: 'text/plain' }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}
