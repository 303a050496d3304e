// The graph of a run: who points at whom, and nobody stands left of what it needs or on another.
import { expect, test } from 'vitest';
import { edgesOf, JOB_HEIGHT, JOB_WIDTH, placeJobs } from './layout';

const KEYS = ['test.0', 'test.1', 'lint', 'publish'];
const NEEDS = new Map([
  ['test', []],
  ['lint', []],
  ['publish', ['test', 'lint']],
]);

test('a job that needs a matrix needs each of its jobs', () => {
  expect(edgesOf(KEYS, NEEDS)).toEqual([
    ['test.0', 'publish'],
    ['test.1', 'publish'],
    ['lint', 'publish'],
  ]);
});

test('a job stands right of what it needs, and no two overlap', () => {
  const { jobs, edges, width, height } = placeJobs(KEYS, NEEDS);
  const at = new Map(jobs.map((job) => [job.key, job]));
  for (const [from, to] of edges) {
    expect((at.get(to)?.x ?? 0) - (at.get(from)?.x ?? 0)).toBeGreaterThan(JOB_WIDTH);
  }
  const firsts = jobs.filter(({ key }) => key !== 'publish').map(({ y }) => y);
  firsts.sort((one, other) => one - other);
  for (const [index, y] of firsts.entries()) {
    const next = firsts[index + 1];
    if (next !== undefined) expect(next - y).toBeGreaterThanOrEqual(JOB_HEIGHT);
  }
  expect(width).toBeGreaterThan(2 * JOB_WIDTH);
  expect(height).toBeGreaterThan(3 * JOB_HEIGHT);
});

test('without knowledge of needs there are no arrows', () => {
  expect(placeJobs(KEYS, null).edges).toEqual([]);
});
