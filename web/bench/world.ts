// What a measurement finds on the server, and how its results are told.
import type { BrowserContext } from 'playwright-core';
import { launch, token, url } from '../e2e/browser.ts';

export { launch, token, url };

/** What was put on the server before, so that the page has much to show. */
export interface World {
  /** How many applications there are. */
  applications: number;
  /** The address of a pull request, and how many lines its difference has. */
  difference: string;
  differenceLines: number;
  /** The address of a run, and how many lines its job printed. */
  log: string;
  logLines: number;
  /** A repository whose workflow can be started by hand. */
  busy: string;
  workflow: string;
  /** How long the memory is watched. */
  minutes: number;
}

export interface Result {
  name: string;
  value: number;
  limit: number;
  unit: string;
  passed: boolean;
  details: object;
}

export function readWorld(): World {
  const text = process.env.BOUCLE_WORLD;
  if (!text) throw new Error('BOUCLE_WORLD is not set: start this by `cargo xtask bench web`');
  return JSON.parse(text) as World;
}

export function result(
  name: string,
  value: number,
  limit: number,
  unit: string,
  details: object,
): Result {
  return { name, value, limit, unit, passed: Number.isFinite(value) && value <= limit, details };
}

/** The smallest value that at least `percent` of the samples do not exceed; none pass nothing. */
export function percentile(samples: number[], percent: number): number {
  const sorted = samples.toSorted((one, other) => one - other);
  const rank = Math.ceil((sorted.length * percent) / 100);
  return sorted[Math.max(0, rank - 1)] ?? Number.POSITIVE_INFINITY;
}

export const median = (samples: number[]): number => percentile(samples, 50);
export const worst = (samples: number[]): number => percentile(samples, 100);

export const rounded = (samples: number[]): number[] =>
  samples.map((one) => Math.round(one * 10) / 10);

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));

/** The time by the machine's clock, in parts of a millisecond: comparable between processes. */
export const clock = (): number => performance.timeOrigin + performance.now();

export async function signIn(context: BrowserContext): Promise<void> {
  await context.addCookies([{ name: 'boucle_session', value: token, url }]);
  // Functions that are handed to the page carry the compiler's helper for their names.
  await context.addInitScript({ content: 'globalThis.__name ??= (one) => one;' });
}

export async function ask<T>(method: string, path: string, body?: object): Promise<T> {
  const answer = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}
