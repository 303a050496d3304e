// New facts come first and once, and a page that is full lets the oldest go.
import { QueryClient } from '@tanstack/react-query';
import { expect, test } from 'vitest';
import type { Fact, Page } from '../client';
import { inFront, putInFront } from './front';

function fact(sequence: number, kind = 'pipelines.run_created'): Fact {
  return {
    sequence,
    kind,
    at: '2026-01-01T00:00:00.000Z',
    actor: 'person:owner',
    subject: `run:${sequence}`,
    reason: '',
    body: {},
  };
}

const page = (...sequences: number[]): Page<Fact> => ({
  items: sequences.map((one) => fact(one)),
  next_cursor: null,
});
const sequences = ({ items }: Page<Fact>): number[] => items.map(({ sequence }) => sequence);

test('a new fact comes first, a known one not again', () => {
  expect(sequences(inFront(page(2, 1), fact(3), 10))).toEqual([3, 2, 1]);
  expect(sequences(inFront(page(3, 1), fact(3), 10))).toEqual([3, 1]);
  expect(sequences(inFront(page(3, 1), fact(2), 10))).toEqual([3, 1]);
});

test('a full page lets the oldest go, and reading on begins behind what is left', () => {
  const full = inFront(page(3, 2, 1), fact(4), 3);
  expect(sequences(full)).toEqual([4, 3, 2]);
  expect(full.next_cursor).toBe('2');
});

test('a timeline stays bounded, unless older pages were asked for', () => {
  const queries = new QueryClient();
  const [alone, read] = [
    ['facts', 'search', {}],
    ['facts', 'search', { kind: 'pipelines' }],
  ];
  queries.setQueryData(alone, { pages: [page(1)], pageParams: [''] });
  queries.setQueryData(read, { pages: [page(1), page(0)], pageParams: ['', '1'] });
  for (let sequence = 2; sequence < 1000; sequence++) putInFront(queries, fact(sequence));
  const lengths = (key: unknown[]): number[] =>
    queries.getQueryData<{ pages: Page<Fact>[] }>(key)?.pages.map(({ items }) => items.length) ??
    [];
  expect(lengths(alone)).toEqual([400]);
  expect(lengths(read)).toEqual([999, 1]);
});
