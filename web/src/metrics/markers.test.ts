// Markers of deployments: only those within the span, in the order of time.
import { expect, test } from 'vitest';
import type { Fact } from '../data/client';
import { markersOf } from './markers';

function applied(sequence: number, at: string, kind = 'deployments.applied'): Fact {
  const body = { application: 'web', outcome: '1 objects changed' };
  return { sequence, at, kind, actor: '', subject: '', reason: '', body };
}

test('a deployment stands where it was applied', () => {
  const facts = [
    applied(4, '1970-01-01T00:03:20Z'),
    applied(3, '1970-01-01T00:01:30Z'),
    applied(2, '1970-01-01T00:01:20Z', 'deployments.planned'),
    applied(1, '1970-01-01T00:01:00.500Z'),
    applied(0, '1970-01-01T00:00:10Z'),
  ];
  expect(markersOf(facts, [60, 120])).toMatchObject([
    { sequence: 1, time: 60.5, application: 'web' },
    { sequence: 3, time: 90 },
  ]);
});
