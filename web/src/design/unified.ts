// Reads a unified difference into rows, and finds the words that changed between two lines.

export interface DiffRow {
  key: string;
  kind: 'context' | 'added' | 'removed' | 'hunk';
  text: string;
  old?: number;
  new?: number;
  /** The line that this one replaces or is replaced by. */
  twin?: string;
}

export function readUnified(unified: string): DiffRow[] {
  const rows: DiffRow[] = [];
  let before = 0;
  let after = 0;
  const lines = unified.split('\n');
  if (lines.at(-1) === '') lines.pop();
  lines.forEach((line, index) => {
    const key = String(index);
    const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(line);
    if (hunk) {
      before = Number(hunk[1]);
      after = Number(hunk[2]);
      rows.push({ key, kind: 'hunk', text: line });
    } else if (/^(---|\+\+\+) /.test(line) && before === 0 && after === 0) {
      // The names of the files stand above the difference.
    } else if (line.startsWith('+')) {
      rows.push({ key, kind: 'added', text: line.slice(1), new: after++ });
    } else if (line.startsWith('-')) {
      rows.push({ key, kind: 'removed', text: line.slice(1), old: before++ });
    } else {
      rows.push({ key, kind: 'context', text: line.slice(1), old: before++, new: after++ });
    }
  });
  pair(rows);
  return rows;
}

/** In a block of removed lines followed by as many added ones, each has a twin. */
function pair(rows: DiffRow[]): void {
  let index = 0;
  while (index < rows.length) {
    const removed = take(rows, index, 'removed');
    const added = take(rows, index + removed.length, 'added');
    if (removed.length === added.length) {
      removed.forEach((row, place) => {
        const other = added[place];
        if (!other) return;
        row.twin = other.text;
        other.twin = row.text;
      });
    }
    index += Math.max(1, removed.length + added.length);
  }
}

function take(rows: DiffRow[], from: number, kind: DiffRow['kind']): DiffRow[] {
  let end = from;
  while (rows[end]?.kind === kind) end++;
  return rows.slice(from, end);
}

export interface Side {
  text: string;
  /** The row that each line of the text is from. */
  keys: string[];
}

/** For each hunk the text of its old and of its new side; lines of both count as new. */
export function sidesOf(rows: DiffRow[]): Side[] {
  const sides: Side[] = [];
  let hunk: DiffRow[] = [];
  const end = (): void => {
    for (const other of ['removed', 'added'] as const) {
      const all = hunk.filter(({ kind }) => kind === other || kind === 'context');
      const keys = all.map(({ key, kind }) => (kind === other || other === 'added' ? key : ''));
      if (keys.some((key) => key !== '')) {
        sides.push({ text: all.map(({ text }) => text).join('\n'), keys });
      }
    }
    hunk = [];
  };
  for (const row of rows) {
    if (row.kind === 'hunk') end();
    else hunk.push(row);
  }
  end();
  return sides;
}

/** The words of a line, each with whether its twin has it elsewhere or not at all. */
export function wordsOf(text: string, twin: string): [string, boolean][] {
  const own = text.match(/\w+|\s+|[^\w\s]/g) ?? [];
  const other = twin.match(/\w+|\s+|[^\w\s]/g) ?? [];
  let start = 0;
  while (start < own.length && own[start] === other[start]) start++;
  let end = 0;
  while (
    end < own.length - start &&
    end < other.length - start &&
    own[own.length - 1 - end] === other[other.length - 1 - end]
  ) {
    end++;
  }
  const joined = (words: string[]): string => words.join('');
  const parts: [string, boolean][] = [
    [joined(own.slice(0, start)), false],
    [joined(own.slice(start, own.length - end)), true],
    [joined(own.slice(own.length - end)), false],
  ];
  return parts.filter(([word]) => word !== '');
}
