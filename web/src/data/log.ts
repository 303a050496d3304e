// Reads a log that only grows, from its beginning to its end, without asking again and again.
import { problemOf } from './problem';
import type { Store } from './store';
import { waitAfter } from './stream/follow';
import { newestFact } from './stream/live';

export interface Chunk {
  text: string;
  next_offset: number;
  complete: boolean;
}

type NewestFact = { subject: string } | null;

export interface LogSource {
  /** What stands behind the offset; with `follow` the answer waits until there is more. */
  ask: (asked: { offset: number; follow: boolean }, signal: AbortSignal) => Promise<Chunk>;
  /** Whether a fact may mean that the log has ended. */
  isAbout: (fact: NewestFact) => boolean;
}

/** Gives each new text to `add`; ends when nothing will come any more, or by `stop`. */
export async function readLog(
  source: LogSource,
  stop: AbortSignal,
  add: (text: string) => void,
): Promise<void> {
  let offset = 0;
  let follow = false;
  let failures = 0;
  while (!stop.aborted) {
    if (follow) await seen(stop);
    try {
      const chunk = await askOnce(source, { offset, follow }, stop);
      failures = 0;
      if (chunk === 'woken') {
        follow = false;
        continue;
      }
      if (chunk.text) add(chunk.text);
      const stands = chunk.next_offset === offset;
      offset = chunk.next_offset;
      if (chunk.complete && stands) return;
      // An answer that waited and still brought nothing has nothing to wait for but a fact.
      if (follow && stands && !chunk.complete) await nextOf(newestFact, source.isAbout, stop);
      follow = stands && !chunk.complete;
    } catch (error) {
      if (stop.aborted || !isPassing(error)) throw error;
      // The server is away or begins again: what was read stays, and reading goes on behind it.
      failures++;
      follow = false;
      await new Promise((resolve) => setTimeout(resolve, waitAfter(failures)));
    }
  }
}

/**
 * Lines of a log are no facts, so the stream does not tell of them: the answer itself waits for the next
 * ones (`follow`), and a fact such as the job's end wakes it.
 */
async function askOnce(
  source: LogSource,
  asked: { offset: number; follow: boolean },
  stop: AbortSignal,
): Promise<Chunk | 'woken'> {
  const waiting = new AbortController();
  const signal = AbortSignal.any([stop, waiting.signal]);
  const answer = source.ask(asked, signal);
  if (!asked.follow) return answer;
  const woken = nextOf(newestFact, source.isAbout, signal).then(() => 'woken' as const);
  try {
    return await Promise.race([answer, woken]);
  } finally {
    // Whichever came second is of no use; its refusal is nobody's business.
    answer.catch(() => undefined);
    waiting.abort();
  }
}

function isPassing(error: unknown): boolean {
  const { status } = problemOf(error);
  return error instanceof TypeError || (status >= 502 && status <= 504);
}

/** Resolves with the next value that fits, or when it is not wanted any more. */
function nextOf<T>(store: Store<T>, fits: (value: T) => boolean, stop: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      leave();
      stop.removeEventListener('abort', end);
      resolve();
    };
    const leave = store.subscribe(() => {
      if (fits(store.get())) end();
    });
    stop.addEventListener('abort', end);
    if (stop.aborted) end();
  });
}

/** A browser has few connections to one server: only a tab that is looked at holds one for its log. */
function seen(stop: AbortSignal): Promise<void> {
  if (!document.hidden) return Promise.resolve();
  return new Promise((resolve) => {
    const end = (): void => {
      if (document.hidden && !stop.aborted) return;
      document.removeEventListener('visibilitychange', end);
      stop.removeEventListener('abort', end);
      resolve();
    };
    document.addEventListener('visibilitychange', end);
    stop.addEventListener('abort', end);
  });
}
