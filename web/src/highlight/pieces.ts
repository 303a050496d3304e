// Lines taken apart into pieces of one colour each: from a parser's ranges, and cut at changed words.
import { LINE_CHARACTERS_MAX } from './language';

/** What a piece is, which its colour says; empty: plain. */
export type Kind =
  | ''
  | 'comment'
  | 'keyword'
  | 'literal'
  | 'name'
  | 'punctuation'
  | 'string'
  | 'type';

export interface Piece {
  text: string;
  kind: Kind;
}

export interface Range {
  from: number;
  to: number;
  kind: Kind;
}

/** The lines of a text in pieces; the ranges are in order and do not overlap. */
export function piecesOf(text: string, ranges: Range[]): Piece[][] {
  const lines: Piece[][] = [];
  let start = 0;
  let next = 0;
  for (const line of text.split('\n')) {
    const end = start + line.length;
    while (next < ranges.length && (ranges[next]?.to ?? 0) <= start) next++;
    lines.push(line.length > LINE_CHARACTERS_MAX ? plain(line) : cut(line, start, ranges, next));
    start = end + 1;
  }
  return lines;
}

export function plain(line: string): Piece[] {
  return line === '' ? [] : [{ text: line, kind: '' }];
}

function cut(line: string, start: number, ranges: Range[], first: number): Piece[] {
  const pieces: Piece[] = [];
  const push = (from: number, to: number, kind: Kind): void => {
    if (from < to) pieces.push({ text: line.slice(from, to), kind });
  };
  let at = 0;
  for (let index = first; index < ranges.length; index++) {
    const range = ranges[index];
    if (!range || range.from >= start + line.length) break;
    const from = Math.max(at, range.from - start);
    const to = Math.min(line.length, range.to - start);
    push(at, from, '');
    push(from, to, range.kind);
    at = Math.max(at, to);
  }
  push(at, line.length, '');
  return pieces;
}

/** The part of a line from one character to another, in its pieces. */
export function part(pieces: Piece[], from: number, to: number): Piece[] {
  const found: Piece[] = [];
  let at = 0;
  for (const { text, kind } of pieces) {
    const piece = text.slice(Math.max(0, from - at), Math.max(0, to - at));
    if (piece !== '') found.push({ text: piece, kind });
    at += text.length;
  }
  return found;
}
