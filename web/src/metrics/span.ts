// The time that a chart shows: how long, until when, and how far apart its points are.
export const RANGES = {
  '5m': 300,
  '15m': 900,
  '1h': 3600,
  '6h': 21_600,
  '1d': 86_400,
  '7d': 604_800,
} as const;
export type Range = keyof typeof RANGES;

export const STEPS = { '1s': 1, '5s': 5, '15s': 15, '1m': 60, '5m': 300, '1h': 3600 } as const;
export type Step = keyof typeof STEPS;

const RANGE_FIRST: Range = '15m';
/** So many points fit on a screen. */
const POINTS_WANTED = 240;

export interface Asked {
  range?: string;
  until?: string;
  step?: string;
}

/** In seconds; `until` is `null` while the chart follows the time. */
export interface Span {
  range: Range;
  seconds: number;
  until: number | null;
  step: number;
}

/** What somebody chose anew; `null` gives the choice back. */
export interface SpanChange {
  range?: string;
  until?: string | null;
  step?: string | null;
}

/** What an address has to hold after a change. */
export function changed<S extends Asked>(search: S, change: SpanChange): S {
  const all = Object.entries({ ...search, ...change });
  return Object.fromEntries(all.filter(([, value]) => value !== null)) as S;
}

export function spanOf({ range, until, step }: Asked): Span {
  const known = range && Object.hasOwn(RANGES, range) ? (range as Range) : RANGE_FIRST;
  const seconds = RANGES[known];
  const end = until ? Date.parse(until) / 1000 : Number.NaN;
  const wanted = step && Object.hasOwn(STEPS, step) ? STEPS[step as Step] : stepFor(seconds);
  return { range: known, seconds, until: Number.isNaN(end) ? null : end, step: wanted };
}

/** The shortest known step with which the points fit. */
export function stepFor(seconds: number): number {
  const steps = Object.values(STEPS);
  return steps.find((step) => seconds / step <= POINTS_WANTED) ?? STEPS['1h'];
}

/** Where the grid of points begins and ends, on whole steps so that a later look has the same ones. */
export function boundsOf({ seconds, until, step }: Span, now: number): [number, number] {
  const end = Math.floor((until ?? now) / step) * step;
  return [end - Math.floor(seconds / step) * step, end];
}
