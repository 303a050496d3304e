// Keeps a tab's answers true: facts come in, the answers that they touch are asked for again.
import type { InfiniteData, QueryClient, QueryKey } from '@tanstack/react-query';
import type { Fact, Page } from '../client';
import type { FactFilter } from '../queries';
import { missSession, session } from '../session';
import { createStore } from '../store';
import { touchedBy } from '../touched';
import type { Connection, FromStream } from './messages';
import { openLine } from './open';

export const connection = createStore<Connection>('connecting');
/** The newest fact that reached this tab. */
export const newestFact = createStore<Fact | null>(null);

/** A burst of facts is one round of questions. */
const GATHER_MS = 120;

/** Called once. The stream begins when the first answer says how far the answers reach. */
export function keepLive(queries: QueryClient): void {
  let pending: Fact[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;

  const settle = (): void => {
    timer = undefined;
    // A tab that nobody sees waits until it is looked at.
    if (document.hidden || pending.length === 0) return;
    const facts = pending;
    pending = [];
    askAgain(queries, facts);
  };
  const gather = (): void => {
    if (timer === undefined) timer = setTimeout(settle, GATHER_MS);
  };
  const hear = (message: FromStream): void => {
    if (message.type === 'fact') {
      pending.push(message.fact);
      putInFront(queries, message.fact);
      newestFact.set(message.fact);
      gather();
      return;
    }
    const before = connection.get();
    connection.set(message.connection);
    if (message.connection === 'refused') missSession();
    if (message.connection === 'live' && before === 'away') askWhatFailed(queries);
  };
  const line = openLine(hear);
  document.addEventListener('visibilitychange', gather);

  beginWithStatus(queries, line.begin);
  session.subscribe(() => {
    if (session.get() === 'signed-in' && connection.get() === 'refused') {
      connection.set('connecting');
      line.begin(newestFact.get()?.sequence ?? 0);
    }
  });
}

function beginWithStatus(queries: QueryClient, begin: (after: number) => void): void {
  const cache = queries.getQueryCache();
  const stop = cache.subscribe((event) => {
    if (event.query.queryKey[0] !== 'status' || event.query.state.status !== 'success') return;
    const status = event.query.state.data as { sequence: number };
    stop();
    begin(status.sequence);
  });
}

function askAgain(queries: QueryClient, facts: Fact[]): void {
  const keys = new Map<string, QueryKey>();
  for (const fact of facts) {
    for (const key of touchedBy(fact)) keys.set(JSON.stringify(key), key);
  }
  for (const queryKey of keys.values()) void queries.invalidateQueries({ queryKey });
}

function askWhatFailed(queries: QueryClient): void {
  void queries.invalidateQueries({
    predicate: ({ state }) => state.status === 'error' || state.fetchFailureCount > 0,
  });
}

function putInFront(queries: QueryClient, fact: Fact): void {
  const inFront = (page: Page<Fact>): Page<Fact> =>
    page.items.some((one) => one.sequence >= fact.sequence)
      ? page
      : { ...page, items: [fact, ...page.items] };
  queries.setQueryData<Page<Fact>>(['facts', 'recent'], (page) => page && inFront(page));
  const searches = queries.getQueriesData<InfiniteData<Page<Fact>>>({
    queryKey: ['facts', 'search'],
  });
  for (const [key, data] of searches) {
    const [first, ...rest] = data?.pages ?? [];
    if (!first || !data || !matches(fact, key[2] as FactFilter)) continue;
    queries.setQueryData(key, { ...data, pages: [inFront(first), ...rest] });
  }
}

/** The server's own rule for a filter. */
export function matches(fact: Fact, filter: FactFilter): boolean {
  return (
    (filter.actor === undefined || fact.actor === filter.actor) &&
    (filter.subject === undefined || fact.subject === filter.subject) &&
    (filter.kind === undefined || fact.kind.startsWith(filter.kind))
  );
}
