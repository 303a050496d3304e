// A difference of one file: lines with numbers, unified or side by side, the changed words marked.
import { type ReactNode, useMemo, useState } from 'react';
import { Pieces } from '../highlight/Pieces';
import { type Piece, part, plain } from '../highlight/pieces';
import { useHighlight } from '../highlight/useHighlight';
import { useScreens } from '../messages/Messages';
import { type DiffRow, readUnified, sidesOf, wordsOf } from './unified';

/** More rows than this are shown when somebody asks for them. */
const ROWS_FIRST = 400;

export interface LinePlace {
  line: number;
  side: 'old' | 'new';
}

interface Shown {
  unified: string;
  /** The file, whose language gives the colours. */
  path?: string;
  split?: boolean;
  below?: (place: LinePlace) => ReactNode;
  onLine?: (place: LinePlace) => void;
}

export function Difference({ unified, path, split = false, below, onLine }: Shown): ReactNode {
  const { difference } = useScreens();
  const rows = useMemo(() => readUnified(unified), [unified]);
  const colours = useColours(rows, path);
  const [all, setAll] = useState(false);
  if (rows.length === 0) return <p className="px-2 py-1 text-muted">{difference.noText}</p>;
  const shown = all ? rows : rows.slice(0, ROWS_FIRST);
  return (
    <div className="overflow-x-auto border border-line bg-raised">
      <table className="w-full border-collapse font-mono text-[12.5px] leading-5">
        <tbody>
          {shown.map((row) => (
            <Row
              key={row.key}
              row={row}
              pieces={colours.get(row.key)}
              split={split}
              below={below}
              onLine={onLine}
            />
          ))}
        </tbody>
      </table>
      {!all && rows.length > ROWS_FIRST && (
        <button type="button" className="button m-2" onClick={() => setAll(true)}>
          {difference.more(rows.length - ROWS_FIRST)}
        </button>
      )}
    </div>
  );
}

/** The pieces of each row by its key; empty while they are plain. */
function useColours(rows: DiffRow[], path: string | undefined): Map<string, Piece[]> {
  const sides = useMemo(() => sidesOf(rows), [rows]);
  const texts = useMemo(() => sides.map(({ text }) => text), [sides]);
  const coloured = useHighlight(path, texts);
  return useMemo(() => {
    const found = new Map<string, Piece[]>();
    sides.forEach(({ keys }, side) => {
      keys.forEach((key, line) => {
        const pieces = coloured?.[side]?.[line];
        if (key !== '' && pieces) found.set(key, pieces);
      });
    });
    return found;
  }, [sides, coloured]);
}

interface LineProps {
  row: DiffRow;
  pieces: Piece[] | undefined;
  onLine: Shown['onLine'] | undefined;
}

interface RowProps extends LineProps {
  split: boolean;
  below: Shown['below'] | undefined;
}

function Row({ row, pieces, split, below, onLine }: RowProps): ReactNode {
  if (row.kind === 'hunk') {
    return (
      <tr className="bg-sunken text-muted">
        <td colSpan={4} className="px-2">
          {row.text}
        </td>
      </tr>
    );
  }
  const place = placeOf(row);
  const under = below?.(place);
  return (
    <>
      {split ? (
        <SplitRow row={row} pieces={pieces} onLine={onLine} />
      ) : (
        <UnifiedRow row={row} pieces={pieces} onLine={onLine} />
      )}
      {under ? (
        <tr>
          <td colSpan={4} className="border-y border-line bg-ground px-3 py-2 font-sans">
            {under}
          </td>
        </tr>
      ) : null}
    </>
  );
}

function placeOf(row: DiffRow): LinePlace {
  return row.kind === 'removed'
    ? { line: row.old ?? 1, side: 'old' }
    : { line: row.new ?? 1, side: 'new' };
}

const GROUNDS = { context: '', added: 'bg-good-ground', removed: 'bg-bad-ground', hunk: '' };
const CHANGED = 'bg-transparent font-bold text-inherit underline decoration-2';
const SIGNS = { context: ' ', added: '+', removed: '−', hunk: ' ' };

function UnifiedRow({ row, pieces, onLine }: LineProps): ReactNode {
  return (
    <tr className={GROUNDS[row.kind]}>
      <LineNumber value={row.old} />
      <LineNumber value={row.new} place={placeOf(row)} onLine={onLine} />
      <td className="w-4 align-top select-none text-center text-muted" aria-hidden="true">
        {SIGNS[row.kind]}
      </td>
      <td className="whitespace-pre-wrap pe-2">
        <Words row={row} pieces={pieces} />
      </td>
    </tr>
  );
}

function SplitRow({ row, pieces, onLine }: LineProps): ReactNode {
  const left = row.kind === 'added' ? '' : <Words row={row} pieces={pieces} />;
  const right = row.kind === 'removed' ? '' : <Words row={row} pieces={pieces} />;
  const ground = (side: 'removed' | 'added'): string => (row.kind === side ? GROUNDS[side] : '');
  return (
    <tr>
      <LineNumber value={row.old} />
      <td className={`w-1/2 whitespace-pre-wrap pe-2 ${ground('removed')}`}>{left}</td>
      <LineNumber value={row.new} place={placeOf(row)} onLine={onLine} />
      <td className={`w-1/2 whitespace-pre-wrap pe-2 ${ground('added')}`}>{right}</td>
    </tr>
  );
}

interface LineNumberProps {
  value: number | undefined;
  place?: LinePlace;
  onLine?: Shown['onLine'];
}

function LineNumber({ value, place, onLine }: LineNumberProps): ReactNode {
  const { difference, review } = useScreens();
  return (
    <td className="w-10 min-w-10 align-top select-none whitespace-nowrap border-e border-line px-1 text-end text-muted">
      {onLine && place ? (
        <button
          type="button"
          className="min-h-5 w-full cursor-pointer text-end hover:text-accent"
          aria-label={(place.side === 'old' ? review.commentOld : difference.comment)(place.line)}
          onClick={() => onLine(place)}
        >
          {value ?? '·'}
        </button>
      ) : (
        value
      )}
    </td>
  );
}

function Words({ row, pieces }: Pick<LineProps, 'row' | 'pieces'>): ReactNode {
  const line = pieces ?? plain(row.text);
  if (row.twin === undefined) return <Pieces pieces={line} />;
  let at = 0;
  return wordsOf(row.text, row.twin).map(([word, changed], index) => {
    const from = at;
    at += word.length;
    const Part = changed ? 'mark' : 'span';
    return (
      // The order of words never changes, so their place is a key.
      // biome-ignore lint/suspicious/noArrayIndexKey: see above
      <Part key={index} className={changed ? CHANGED : undefined}>
        <Pieces pieces={part(line, from, at)} />
      </Part>
    );
  });
}
