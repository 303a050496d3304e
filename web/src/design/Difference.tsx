// A difference of one file: lines with numbers, unified or side by side, comments below them.
import { memo, type ReactNode, useMemo } from 'react';
import type { Piece } from '../highlight/pieces';
import { useHighlight } from '../highlight/useHighlight';
import { useScreens } from '../messages/Messages';
import { Hunk, type LinePlace, placeOf, SplitRow, UnifiedRow } from './DifferenceRow';
import { type Line, sideBySide, stacked } from './sides';
import { type DiffRow, readUnified, sidesOf } from './unified';
import { useWindowRows } from './useWindowRows';

/** Of more rows than this only those near the view are in the document. */
const ROWS_WHOLE = 400;
const ROW_PIXELS = 20;

export type { LinePlace };

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
  const lines = useMemo(() => (split ? sideBySide(rows) : stacked(rows)), [split, rows]);
  if (rows.length === 0) return <p className="px-2 py-1 text-muted">{difference.noText}</p>;
  const Drawn = lines.length > ROWS_WHOLE ? LongTable : Table;
  return <Drawn lines={lines} colours={colours} split={split} below={below} onLine={onLine} />;
}

interface TableProps extends Omit<RowProps, 'line'> {
  lines: Line[];
}

const HOLDER = 'overflow-x-auto border border-line bg-raised';
const TABLE = 'w-full border-collapse font-mono text-[12.5px] leading-5';

function Table({ lines, ...shared }: TableProps): ReactNode {
  return (
    <div className={HOLDER}>
      <table className={TABLE}>
        <tbody>
          {lines.map((line) => (
            <Row key={line.key} line={line} {...shared} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Each line is a body of its own: it has one height, whatever stands below it. */
function LongTable({ lines, ...shared }: TableProps): ReactNode {
  const near = useWindowRows<HTMLDivElement>(lines.length, ROW_PIXELS);
  return (
    <div ref={near.holder} style={near.style} className={HOLDER}>
      <table className={TABLE} aria-rowcount={lines.length}>
        {near.indexes.map((index) => {
          const line = lines[index];
          return line ? (
            <tbody key={line.key} ref={near.measure} data-index={index}>
              <Row line={line} {...shared} />
            </tbody>
          ) : null;
        })}
      </table>
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

interface RowProps {
  split: boolean;
  below: Shown['below'] | undefined;
  onLine: Shown['onLine'] | undefined;
  line: Line;
  colours: Map<string, Piece[]>;
}

/** While somebody scrolls, a row that stays as it is costs nothing. */
const Row = memo(function Row({ line, colours, split, below, onLine }: RowProps): ReactNode {
  if (line.hunk) return <Hunk text={line.hunk.text} />;
  const { left, right } = line;
  const Drawn = split ? SplitRow : UnifiedRow;
  const places = [left, right === left ? undefined : right].flatMap((row) =>
    row ? [placeOf(row)] : [],
  );
  return (
    <>
      <Drawn left={left} right={right} colours={colours} onLine={onLine} />
      {places.map((place) => (
        <Below key={place.side}>{below?.(place)}</Below>
      ))}
    </>
  );
});

function Below({ children }: { children: ReactNode }): ReactNode {
  if (!children) return null;
  return (
    <tr>
      <td colSpan={4} className="border-y border-line bg-ground px-3 py-2 font-sans">
        {children}
      </td>
    </tr>
  );
}
