// Lays the rows of a difference out: one below the other, or what is replaced beside what replaces it.
import type { DiffRow } from './unified';

/** One line of the table: the heading of a hunk, or what is on its left and its right. */
export type Line =
  | { key: string; hunk: DiffRow }
  | { key: string; hunk?: undefined; left?: DiffRow; right?: DiffRow };

/** Every row on a line of its own. */
export function stacked(rows: DiffRow[]): Line[] {
  return rows.map((row) => lineOf(row));
}

/** The removed rows of a block beside the added ones that follow them, in their order. */
export function sideBySide(rows: DiffRow[]): Line[] {
  const lines: Line[] = [];
  let at = 0;
  while (at < rows.length) {
    const removed = blockOf(rows, at, 'removed');
    const added = blockOf(rows, at + removed.length, 'added');
    const row = rows[at];
    if (removed.length + added.length === 0 && row) {
      lines.push(lineOf(row));
      at++;
      continue;
    }
    for (let index = 0; index < Math.max(removed.length, added.length); index++) {
      lines.push(paired(removed[index], added[index]));
    }
    at += removed.length + added.length;
  }
  return lines;
}

function lineOf(row: DiffRow): Line {
  const { key, kind } = row;
  if (kind === 'hunk') return { key, hunk: row };
  if (kind === 'removed') return { key, left: row };
  if (kind === 'added') return { key, right: row };
  return { key, left: row, right: row };
}

function paired(left: DiffRow | undefined, right: DiffRow | undefined): Line {
  const key = left?.key ?? right?.key ?? '';
  return { key, ...(left ? { left } : {}), ...(right ? { right } : {}) };
}

function blockOf(rows: DiffRow[], from: number, kind: DiffRow['kind']): DiffRow[] {
  let end = from;
  while (rows[end]?.kind === kind) end++;
  return rows.slice(from, end);
}
