// Keeps a tab's answers true: facts come in, the answers that they touch are asked for again.
import type { QueryClient } from '@tanstack/react-query';
import type { Fact } from '../client';
import { missSession, session } from '../session';
import { createStore } from '../store';
import { putInFront } from './front';
import type { Connection, FromStream } from './messages';
import { openLine } from './open';
import { Stale } from './stale';

export const connection = createStore<Connection>('connecting');
/** The newest fact that reached this tab. */
export const newestFact = createStore<Fact | null>(null);

/** Facts that come together are one round of questions. */
const GATHER_MS = 20;
/** A stream of facts is a round of questions after the other, not more often than this. */
const ROUND_MS = 120;

/** Called once. The stream begins when the first answer says how far the answers reach. */
export function keepLive(queries: QueryClient): void {
  const stale = new Stale();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asked = Number.NEGATIVE_INFINITY;

  const settle = (): void => {
    timer = undefined;
    // A tab that nobody sees waits until it is looked at.
    if (document.hidden || stale.isEmpty) return;
    asked = performance.now();
    stale.ask(queries);
  };
  const gather = (): void => {
    const wait = Math.max(GATHER_MS, asked + ROUND_MS - performance.now());
    if (timer === undefined) timer = setTimeout(settle, wait);
  };
  const hear = (message: FromStream): void => {
    if (message.type === 'fact') {
      stale.add(message.fact);
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

function askWhatFailed(queries: QueryClient): void {
  void queries.invalidateQueries({
    predicate: ({ state }) => state.status === 'error' || state.fetchFailureCount > 0,
  });
}
