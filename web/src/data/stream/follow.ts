// Reads the event stream for ever: resumes behind the last fact, waits longer after each failure.
import { EventSourceParserStream } from 'eventsource-parser/stream';
import type { Fact } from '../client';
import type { FromStream } from './messages';

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;
/** The server sends something every 15 s; twice that and a bit without a byte is a dead line. */
const SILENCE_MS = 35_000;

export interface Follower {
  /** The newest fact that was handed on; the stream begins behind it. */
  after: number;
  tell: (message: FromStream) => void;
  signal: AbortSignal;
}

export async function follow(follower: Follower): Promise<void> {
  let failures = 0;
  while (!follower.signal.aborted) {
    const before = follower.after;
    const ended = await readOnce(follower);
    if (ended === 'refused') {
      follower.tell({ type: 'connection', connection: 'refused' });
      return;
    }
    if (follower.signal.aborted) return;
    failures = ended === 'opened' || follower.after > before ? 0 : failures + 1;
    if (failures > 0) follower.tell({ type: 'connection', connection: 'away' });
    await pause(waitAfter(failures), follower.signal);
  }
}

/** Doubles up to the longest wait; the random half keeps many browsers from coming back at once. */
export function waitAfter(failures: number, random: () => number = Math.random): number {
  const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures);
  return wait / 2 + random() * (wait / 2);
}

async function readOnce(follower: Follower): Promise<'opened' | 'failed' | 'refused'> {
  const silence = new AbortController();
  const signal = AbortSignal.any([follower.signal, silence.signal]);
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  const heard = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      controller.enqueue(chunk);
    },
  });
  let opened = false;
  try {
    const address = `/api/v1/events?after=${follower.after}`;
    const headers = { accept: 'text/event-stream' };
    const answer = await fetch(address, { signal, headers, cache: 'no-store' });
    if (answer.status === 401 || answer.status === 403) return 'refused';
    if (!answer.ok || !answer.body) return 'failed';
    opened = true;
    follower.tell({ type: 'connection', connection: 'live' });
    const events = answer.body
      .pipeThrough(heard)
      .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
      .pipeThrough(new EventSourceParserStream());
    const reader = events.getReader();
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      if (read.value.event === 'fact') handOn(follower, read.value.data);
    }
  } catch {
    // A dropped line looks like an ended one: the loop opens the next.
  } finally {
    clearTimeout(timer);
  }
  return opened ? 'opened' : 'failed';
}

function handOn(follower: Follower, data: string): void {
  const fact = JSON.parse(data) as Fact;
  // A line that dropped in the middle may repeat what was handed on.
  if (fact.sequence <= follower.after) return;
  follower.after = fact.sequence;
  follower.tell({ type: 'fact', fact });
}

function pause(wait: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, wait);
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
