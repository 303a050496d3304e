// Reads the series that a query gave onto one grid of times, as charts and tables want them.
export interface Matrix {
  resultType: string;
  result: { metric: Record<string, string>; values: [number, string][] }[];
}

export interface Series {
  /** Labels as a query would name them. */
  name: string;
  values: (number | null)[];
}

export interface Read {
  times: number[];
  series: Series[];
  /** How many more series there are than are shown. */
  left: number;
}

/** More lines than this nobody tells apart. */
const SERIES_MAX = 24;

export function readMatrix({ result }: Matrix, [start, end]: [number, number], step: number): Read {
  const count = Math.floor((end - start) / step) + 1;
  const times = Array.from({ length: count }, (_, index) => start + index * step);
  const shown = result.slice(0, SERIES_MAX);
  const same = sharedLabels(shown.map(({ metric }) => metric));
  const series = shown.map(({ metric, values }) => {
    const read: (number | null)[] = Array.from({ length: count }, () => null);
    for (const [time, text] of values) {
      const index = Math.round((time - start) / step);
      const value = Number(text);
      if (index >= 0 && index < count && Number.isFinite(value)) read[index] = value;
    }
    return { name: nameOf(metric, same), values: read };
  });
  return { times, series, left: result.length - shown.length };
}

/** Labels that every one of several series has with the same value tell nothing apart. */
function sharedLabels(metrics: readonly Record<string, string>[]): Set<string> {
  const [first, ...others] = metrics;
  if (!first || others.length === 0) return new Set();
  return new Set(
    Object.keys(first).filter((label) => others.every((other) => other[label] === first[label])),
  );
}

export function nameOf(metric: Record<string, string>, without: ReadonlySet<string>): string {
  const labels = Object.entries(metric)
    .filter(([label]) => label !== '__name__' && !without.has(label))
    .map(([label, value]) => `${label}="${value}"`);
  const name = metric.__name__ ?? '';
  return labels.length > 0 || name === '' ? `${name}{${labels.join(', ')}}` : name;
}

export function lastOf({ values }: Series): number | null {
  return values.findLast((value) => value !== null) ?? null;
}

/** A name to read: of commits and digests the first letters. */
export function shortened(name: string): string {
  return name.replaceAll(/\b([0-9a-f]{10})[0-9a-f]{30,54}\b/g, '$1');
}
