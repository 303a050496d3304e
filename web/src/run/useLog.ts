// A job's log from its beginning, and what is added while the job writes.
import { useEffect, useState } from 'react';
import { answerOf, client } from '../data/client';
import { problemOf } from '../data/problem';
import type { Store } from '../data/store';
import { waitAfter } from '../data/stream/follow';
import { newestFact } from '../data/stream/live';
import { parseSubject } from '../data/subject';
import { Lines } from './lines';

export interface ReadLog {
  /** They grow in place: what says that there are more is that this holder is a new one. */
  lines: Lines;
  error: unknown;
}

export function useLog(run: number, job: string, attempt: number): ReadLog {
  const [read, setRead] = useState<ReadLog>(() => ({ lines: new Lines(), error: null }));
  useEffect(() => {
    const stop = new AbortController();
    const lines = new Lines();
    setRead({ lines, error: null });
    const add = (text: string): void => {
      lines.append(text);
      setRead({ lines, error: null });
    };
    readOn({ run, job, attempt }, stop.signal, add).catch((error: unknown) => {
      if (!stop.signal.aborted) setRead({ lines, error });
    });
    return () => stop.abort();
  }, [run, job, attempt]);
  return read;
}

type Add = (text: string) => void;

interface Which {
  run: number;
  job: string;
  attempt: number;
}

async function readOn(which: Which, stop: AbortSignal, add: Add): Promise<void> {
  let offset = 0;
  let follow = false;
  let failures = 0;
  while (!stop.aborted) {
    if (follow) await seen(stop);
    try {
      const chunk = await ask({ ...which, offset, follow }, stop);
      failures = 0;
      if (chunk === 'woken') {
        follow = false;
        continue;
      }
      if (chunk.text) add(chunk.text);
      const stands = chunk.next_offset === offset;
      offset = chunk.next_offset;
      if (chunk.complete && stands) return;
      // An answer that waited and still brought nothing has nothing to wait for but the run itself.
      if (follow && stands && !chunk.complete) await nextOf(newestFact, isAbout(which.run), stop);
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

interface Asked extends Which {
  offset: number;
  follow: boolean;
}

interface Chunk {
  text: string;
  next_offset: number;
  complete: boolean;
}

/**
 * What stands behind the offset. Lines of a log are no facts, so the stream does not tell of them: the
 * answer itself waits for the next ones (`follow`), and a fact about the run, such as the job's end,
 * wakes it.
 */
async function ask(asked: Asked, stop: AbortSignal): Promise<Chunk | 'woken'> {
  const { run, job, attempt, offset, follow } = asked;
  const waiting = new AbortController();
  const signal = AbortSignal.any([stop, waiting.signal]);
  const answer = answerOf(
    client.GET('/api/v1/runs/{id}/log', {
      params: { path: { id: run }, query: { job, attempt, offset, ...(follow ? { follow } : {}) } },
      signal,
    }),
  );
  if (!follow) return answer;
  const woken = nextOf(newestFact, isAbout(run), signal).then(() => 'woken' as const);
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

function isAbout(run: number): (fact: { subject: string } | null) => boolean {
  return (fact) => {
    const subject = fact ? parseSubject(fact.subject) : null;
    return subject?.kind === 'run' && subject.run === run;
  };
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
