// The graph of a run: who points at whom, and nobody stands left of what it needs or on another.
import { expect, test } from 'vitest';
import { edgesOf, JOB_HEIGHT, JOB_WIDTH, pathThrough, placeJobs } from './layout';

const JOBS = [
  { key: 'test.0', needs: [] },
  { key: 'test.1', needs: [] },
  { key: 'lint', needs: [] },
  { key: 'publish', needs: ['test', 'lint'] },
];

test('a job that needs a matrix needs each of its jobs', () => {
  expect(edgesOf(JOBS)).toEqual([
    ['test.0', 'publish'],
    ['test.1', 'publish'],
    ['lint', 'publish'],
  ]);
});

test('called jobs come after their caller and before who needs it', () => {
  expect(
    edgesOf([
      { key: 'call.0', needs: [] },
      { key: 'call.0.a', needs: [] },
      { key: 'call.0.b.1', needs: ['call.0.a'] },
      { key: 'after', needs: ['call'] },
    ]),
  ).toEqual([
    ['call.0', 'call.0.a'],
    ['call.0.a', 'call.0.b.1'],
    ['call.0', 'after'],
    ['call.0.a', 'after'],
    ['call.0.b.1', 'after'],
  ]);
});

test('a job stands right of what it needs, and no two overlap', () => {
  const { jobs, edges, width, height } = placeJobs(JOBS);
  const at = new Map(jobs.map((job) => [job.key, job]));
  for (const { from, to } of edges) {
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

test('an arrow over a rank goes around what stands there', () => {
  const { jobs, edges } = placeJobs([
    { key: 'build', needs: [] },
    { key: 'publish', needs: ['build'] },
    { key: 'tell', needs: ['build', 'publish'] },
  ]);
  const publish = jobs.find(({ key }) => key === 'publish');
  const { bends = [] } = edges.find(({ from, to }) => from === 'build' && to === 'tell') ?? {};
  const beside = bends.find(({ x }) => Math.abs(x - (publish?.x ?? 0) - JOB_WIDTH / 2) < 1);
  const away = Math.abs((beside?.y ?? 0) - (publish?.y ?? 0) - JOB_HEIGHT / 2);
  expect(away).toBeGreaterThan(JOB_HEIGHT / 2);
});

test('a line goes through its points', () => {
  const points = [
    { x: 0, y: 0 },
    { x: 10, y: 4 },
  ];
  expect(pathThrough(points)).toBe('M0,0 C5,0 5,4 10,4');
});
