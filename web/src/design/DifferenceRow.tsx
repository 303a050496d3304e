// One row of a difference: the numbers, the sign, the words that changed.
import type { ReactNode } from 'react';
import { Pieces } from '../highlight/Pieces';
import { type Piece, part, plain } from '../highlight/pieces';
import { useScreens } from '../messages/Messages';
import { clipped } from './clipped';
import { type DiffRow, wordsOf } from './unified';

export interface LinePlace {
  line: number;
  side: 'old' | 'new';
}

export function placeOf(row: DiffRow): LinePlace {
  return row.kind === 'removed'
    ? { line: row.old ?? 1, side: 'old' }
    : { line: row.new ?? 1, side: 'new' };
}

interface RowProps {
  left: DiffRow | undefined;
  right: DiffRow | undefined;
  colours: Map<string, Piece[]>;
  onLine: ((place: LinePlace) => void) | undefined;
}

const GROUNDS = { context: '', added: 'bg-good-ground', removed: 'bg-bad-ground', hunk: '' };
const CHANGED = 'bg-transparent font-bold text-inherit underline decoration-2';
const SIGNS = { context: ' ', added: '+', removed: '−', hunk: ' ' };

export function Hunk({ text }: { text: string }): ReactNode {
  return (
    <tr className="bg-sunken text-muted">
      <td colSpan={4} className="px-2">
        {text}
      </td>
    </tr>
  );
}

export function UnifiedRow({ left, right, colours, onLine }: RowProps): ReactNode {
  const row = right ?? left;
  if (!row) return null;
  return (
    <tr className={GROUNDS[row.kind]}>
      <LineNumber value={row.old} />
      <LineNumber value={row.new} place={placeOf(row)} onLine={onLine} />
      <Sign row={row} />
      <td className="whitespace-pre-wrap pe-2">
        <Words row={row} pieces={colours.get(row.key)} />
      </td>
    </tr>
  );
}

export function SplitRow({ left, right, colours, onLine }: RowProps): ReactNode {
  return (
    <tr>
      <Half
        row={left}
        value={left?.old}
        isRemarked={left?.kind === 'removed'}
        {...{ colours, onLine }}
      />
      <Half row={right} value={right?.new} isRemarked {...{ colours, onLine }} />
    </tr>
  );
}

interface HalfProps extends Pick<RowProps, 'colours' | 'onLine'> {
  row: DiffRow | undefined;
  value: number | undefined;
  /** Whether a remark on the line belongs to this side; one on an unchanged line belongs to the new. */
  isRemarked: boolean;
}

function Half({ row, value, isRemarked, colours, onLine }: HalfProps): ReactNode {
  if (!row) {
    return (
      <>
        <LineNumber value={undefined} />
        <td className="w-1/2 bg-sunken" />
      </>
    );
  }
  return (
    <>
      <LineNumber value={value} {...(isRemarked ? { place: placeOf(row), onLine } : {})} />
      <td className={`w-1/2 whitespace-pre-wrap pe-2 ps-1 align-top ${GROUNDS[row.kind]}`}>
        <Words row={row} pieces={colours.get(row.key)} />
      </td>
    </>
  );
}

function Sign({ row }: { row: DiffRow }): ReactNode {
  return (
    <td className="w-4 align-top select-none text-center text-muted" aria-hidden="true">
      {SIGNS[row.kind]}
    </td>
  );
}

interface LineNumberProps {
  value: number | undefined;
  place?: LinePlace;
  onLine?: RowProps['onLine'];
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

function Words({ row, pieces }: { row: DiffRow; pieces: Piece[] | undefined }): ReactNode {
  const { difference } = useScreens();
  const { text, left } = clipped(row.text);
  const line = left > 0 || !pieces ? plain(text) : pieces;
  const rest = left > 0 && <span className="text-muted"> {difference.left(left)}</span>;
  if (row.twin === undefined) {
    return (
      <>
        <Pieces pieces={line} />
        {rest}
      </>
    );
  }
  let at = 0;
  const words = wordsOf(text, clipped(row.twin).text).map(([word, changed], index) => {
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
  return (
    <>
      {words}
      {rest}
    </>
  );
}
