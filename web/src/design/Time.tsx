// A time: how long ago, and exactly when one points at it or focuses it.
import { type ReactNode, useSyncExternalStore } from 'react';
import { useLocale } from '../messages/Messages';

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
];
/** Beyond this a date says more than a count of days. */
const RELATIVE_MS_MAX = 30 * 86_400_000;
const TICK_MS = 5000;

interface Formats {
  exact: Intl.DateTimeFormat;
  date: Intl.DateTimeFormat;
  ago: Intl.RelativeTimeFormat;
}

/** Making one costs more than hundreds of times that it is used. */
const formats = new Map<string, Formats>();

function formatsOf(locale: string): Formats {
  const known = formats.get(locale);
  if (known) return known;
  const made = {
    exact: new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' }),
    date: new Intl.DateTimeFormat(locale, { dateStyle: 'medium' }),
    ago: new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'short' }),
  };
  formats.set(locale, made);
  return made;
}

let now = Date.now();
const listeners = new Set<() => void>();
let ticking: ReturnType<typeof setInterval> | undefined;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  ticking ??= setInterval(() => {
    now = Date.now();
    for (const one of listeners) one();
  }, TICK_MS);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(ticking);
    ticking = undefined;
  };
}

export function relative(at: number, from: number, locale: string): string {
  const distance = at - from;
  if (Math.abs(distance) > RELATIVE_MS_MAX) {
    return formatsOf(locale).date.format(at);
  }
  const [unit, ms] = UNITS.find(([, size]) => Math.abs(distance) >= size) ?? ['second', 1000];
  return formatsOf(locale).ago.format(Math.trunc(distance / ms), unit);
}

export function Time({ at }: { at: string }): ReactNode {
  const locale = useLocale();
  const current = useSyncExternalStore(subscribe, () => now);
  const time = Date.parse(at);
  if (Number.isNaN(time)) return null;
  const { exact } = formatsOf(locale);
  return (
    <time dateTime={at} title={exact.format(time)} className="whitespace-nowrap text-muted">
      {relative(time, Math.max(current, time), locale)}
    </time>
  );
}

export function Duration({ ms }: { ms: number }): ReactNode {
  const locale = useLocale();
  const [unit, size] = UNITS.find(([, one]) => ms >= one) ?? (['millisecond', 1] as const);
  const format = new Intl.NumberFormat(locale, {
    style: 'unit',
    unit: unit as string,
    maximumFractionDigits: ms >= 1000 ? 1 : 0,
  });
  return <span className="whitespace-nowrap">{format.format(ms / size)}</span>;
}
