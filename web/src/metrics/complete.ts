// What can stand where the caret is in a query: a function, a metric, a label's name or its value.
export type Place =
  | { kind: 'name'; from: number; typed: string }
  | { kind: 'label'; from: number; typed: string; metric: string }
  | { kind: 'value'; from: number; typed: string; metric: string; label: string }
  | null;

/** Those that the server can answer. */
export const FUNCTIONS = [
  ...['rate', 'irate', 'increase', 'delta', 'idelta', 'deriv', 'resets', 'histogram_quantile'],
  ...['sum', 'avg', 'min', 'max', 'count', 'topk', 'bottomk', 'quantile'],
  ...['avg_over_time', 'min_over_time', 'max_over_time', 'sum_over_time', 'count_over_time'],
  ...['last_over_time', 'present_over_time', 'stddev_over_time', 'stdvar_over_time'],
  ...['abs', 'ceil', 'floor', 'round', 'sqrt', 'exp', 'ln', 'log2', 'log10', 'sgn'],
  ...['clamp', 'clamp_min', 'clamp_max', 'sort', 'sort_desc'],
  ...['absent', 'scalar', 'vector', 'time', 'timestamp'],
];

const OPTIONS_MAX = 12;

export function placeAt(query: string, caret: number): Place {
  const before = query.slice(0, caret);
  const inside = bracesAt(before);
  if (inside) {
    const value = /([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*"([^"]*)$/.exec(inside.text);
    if (value) {
      const [, label = '', typed = ''] = value;
      return { kind: 'value', from: caret - typed.length, typed, metric: inside.metric, label };
    }
    const name = /(?:^|,)\s*([a-zA-Z_]\w*|)$/.exec(inside.text);
    const typed = name?.[1] ?? '';
    return name
      ? { kind: 'label', from: caret - typed.length, typed, metric: inside.metric }
      : null;
  }
  const group =
    /\b(?:by|without|on|ignoring|group_left|group_right)\s*\((?:[^()]*,)?\s*(\w*)$/.exec(before);
  if (group) {
    const typed = group[1] ?? '';
    return { kind: 'label', from: caret - typed.length, typed, metric: '' };
  }
  if (isQuoted(before) || /\[[^\]]*$/.test(before)) return null;
  const typed = /(?:^|[^\w:])([a-zA-Z_:][\w:]*)$/.exec(before)?.[1] ?? '';
  return typed === '' ? null : { kind: 'name', from: caret - typed.length, typed };
}

/** What stands in the braces that are open, and the metric before them. */
function bracesAt(before: string): { metric: string; text: string } | null {
  const open = unquotedLast(before, '{');
  if (open < 0 || unquotedLast(before, '}') > open) return null;
  const metric = /([a-zA-Z_:][\w:]*)\s*$/.exec(before.slice(0, open))?.[1] ?? '';
  return { metric, text: before.slice(open + 1) };
}

function unquotedLast(text: string, wanted: string): number {
  let quoted = false;
  let found = -1;
  for (const [index, letter] of [...text].entries()) {
    if (letter === '"' && text[index - 1] !== '\\') quoted = !quoted;
    else if (letter === wanted && !quoted) found = index;
  }
  return found;
}

function isQuoted(text: string): boolean {
  return (text.match(/(?<!\\)"/g)?.length ?? 0) % 2 === 1;
}

/** What fits: first what begins with the text, then what has it inside. */
export function fitting(options: readonly string[], typed: string): string[] {
  const low = typed.toLowerCase();
  const rank = (option: string): number => {
    const at = option.toLowerCase().indexOf(low);
    return at > 0 ? 1 : at;
  };
  return [...new Set(options)]
    .filter((option) => rank(option) >= 0 && option !== typed)
    .toSorted((one, other) => rank(one) - rank(other) || one.localeCompare(other))
    .slice(0, OPTIONS_MAX);
}

/** The query with the option in it, and where the caret is then. */
export function insert(
  query: string,
  place: NonNullable<Place>,
  caret: number,
  option: string,
): [string, number] {
  const ending =
    place.kind === 'name' && FUNCTIONS.includes(option) ? '(' : place.kind === 'value' ? '"' : '';
  const after = query.slice(caret);
  const text = option + (ending !== '' && after.startsWith(ending) ? '' : ending);
  const jump = ending !== '' && after.startsWith(ending) ? 1 : 0;
  return [query.slice(0, place.from) + text + after, place.from + text.length + jump];
}
