// Waits for the runs of a repository.
import { ask } from './bad/server.ts';

interface Run {
  id: number;
  repository: string;
  state: string;
}

const LOOK_EVERY_MS = 250;
/** A run of these small workflows that has not ended after this long never will. */
const PATIENCE_MS = 60_000;

/** The numbers of a repository's runs, the oldest first, once so many of them have ended. */
export async function ended(repository: string, count: number): Promise<number[]> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const { items } = await ask<{ items: Run[] }>('GET', '/runs?limit=100');
    const own = items.filter((run) => run.repository === repository);
    const done = own.filter(({ state }) => state === 'completed');
    if (done.length >= count && done.length === own.length) {
      return done.map(({ id }) => id).sort((one, other) => one - other);
    }
    if (performance.now() > until) throw new Error(`${done.length} of ${count} runs have ended`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
