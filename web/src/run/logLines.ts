// What a line of a job's log is made of, `2026-11-24T19:37:40.400Z 1 text`, and which lines are shown.
import type { Lines } from '../design/lines';

type Read = Pick<Lines, 'at' | 'count' | 'find'>;

export interface LogLine {
  /** From 1. */
  number: number;
  text: string;
  /** When it was written, where the line says so. */
  at: string | null;
  /** The step; `null` for what the run itself says. */
  step: number | null;
  /** Whether it is the heading of its step. */
  opens: boolean;
}

const PARTS = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z) (\d+|-) ?/;
const HEADING = '# ';

/** Read when it is drawn: a log of a million lines is not taken apart as a whole. */
export function lineAt(lines: Read, index: number): LogLine {
  const line = lines.at(index);
  const parts = PARTS.exec(line);
  const number = index + 1;
  if (!parts) return { number, text: line, at: null, step: null, opens: false };
  const text = line.slice(parts[0].length);
  const step = stepOf(parts);
  const opens =
    step !== null &&
    text.startsWith(HEADING) &&
    stepOf(PARTS.exec(index === 0 ? '' : lines.at(index - 1))) !== step;
  return {
    number,
    text: opens ? text.slice(HEADING.length) : text,
    at: parts[1] ?? null,
    step,
    opens,
  };
}

function stepOf(parts: RegExpExecArray | null): number | null {
  return parts?.[2] && parts[2] !== '-' ? Number(parts[2]) : null;
}

/** The places of the lines that are shown; `null` when it is all of them. */
export function placesOf(lines: Read, find: string, folded: ReadonlySet<number>): number[] | null {
  // What is looked for is found in folded steps too.
  if (find !== '') return lines.find(find);
  if (folded.size === 0) return null;
  const places: number[] = [];
  for (let index = 0; index < lines.count; index++) {
    if (!isFolded(lines, index, folded)) places.push(index);
  }
  return places;
}

function isFolded(lines: Read, index: number, folded: ReadonlySet<number>): boolean {
  const { step, opens } = lineAt(lines, index);
  return step !== null && folded.has(step) && !opens;
}
