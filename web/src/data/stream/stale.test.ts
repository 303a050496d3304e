// Each answer that facts touch is asked for once; of a long list only what changed is.
import { QueryClient } from '@tanstack/react-query';
import { afterEach, expect, test, vi } from 'vitest';
import type { Application, Fact } from '../client';
import { Stale, withOne } from './stale';

function fact(name: string): Fact {
  return {
    sequence: 1,
    kind: 'deployments.applied',
    at: '2026-01-01T00:00:00.000Z',
    actor: 'system:deploy',
    subject: `application:${name}`,
    reason: '',
    body: { application: name },
  };
}

const application = (name: string, generation = 1): Application =>
  ({ name, generation }) as Application;

function asked(names: string[], known: number): { keys: string[]; requests: string[] } {
  const queries = new QueryClient();
  const list = Array.from({ length: known }, (_, place) => application(`many-${place}`));
  queries.setQueryData(['applications'], list);
  const keys: string[] = [];
  vi.spyOn(queries, 'invalidateQueries').mockImplementation(async (filters) => {
    keys.push(JSON.stringify(filters?.queryKey ?? 'all'));
  });
  const requests: string[] = [];
  vi.stubGlobal('fetch', async (request: Request) => {
    requests.push(new URL(request.url).pathname);
    return new Response('{}', { headers: { 'content-type': 'application/json' } });
  });
  const stale = new Stale();
  for (const name of names) stale.add(fact(name));
  stale.ask(queries);
  expect(stale.isEmpty).toBe(true);
  return { keys: keys.sort(), requests };
}

afterEach(() => vi.unstubAllGlobals());

test('a short list is asked for as a whole, once', () => {
  const { keys, requests } = asked(['many-1', 'many-1', 'many-2'], 10);
  expect(requests).toEqual([]);
  expect(keys).toEqual([
    '["application","many-1"]',
    '["application","many-2"]',
    '["applications"]',
    '["blocked-applications"]',
    '["status"]',
  ]);
});

test('of a long list what changed is asked for', () => {
  const { keys, requests } = asked(['many-1', 'many-2'], 501);
  expect(requests).toEqual(['/api/v1/applications/many-1', '/api/v1/applications/many-2']);
  expect(keys).not.toContain('["applications"]');
});

test('many changes are one question for the list, and too many one for everything', () => {
  const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `many-${n}`);
  expect(asked(names(21), 501).keys).toContain('["applications"]');
  expect(asked(names(600), 501).keys).toEqual(['"all"']);
});

test('a list keeps its order with what is new in it', () => {
  const list = ['b', 'd'].map((name) => application(name));
  const names = (given: Application[]): string[] => given.map(({ name }) => name);
  for (const [name, expected] of [
    ['a', ['a', 'b', 'd']],
    ['c', ['b', 'c', 'd']],
    ['e', ['b', 'd', 'e']],
    ['d', ['b', 'd']],
  ] as const) {
    const next = withOne(list, application(name, 2));
    expect(names(next)).toEqual(expected);
    expect(next.find((one) => one.name === name)?.generation).toBe(2);
  }
});
