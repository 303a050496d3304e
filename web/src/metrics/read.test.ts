// Series on a grid: holes stay holes, what is the same everywhere is not repeated.
import { expect, test } from 'vitest';
import { lastOf, type Matrix, readMatrix } from './read';

function matrix(...result: Matrix['result']): Matrix {
  return { resultType: 'matrix', result };
}

test('values stand at their times, and holes and infinities are nothing', () => {
  const { times, series } = readMatrix(
    matrix({
      metric: { __name__: 'up', job: 'a' },
      values: [
        [10, '1'],
        [30, '0.5'],
        [40, '+Inf'],
      ],
    }),
    [10, 40],
    10,
  );
  expect(times).toEqual([10, 20, 30, 40]);
  expect(series).toEqual([{ name: 'up{job="a"}', values: [1, null, 0.5, null] }]);
  expect(series[0] && lastOf(series[0])).toBe(0.5);
});

test('labels that do not tell series apart are left out', () => {
  const { series } = readMatrix(
    matrix(
      { metric: { application: 'a', code: '200' }, values: [] },
      { metric: { application: 'a', code: '500' }, values: [] },
    ),
    [0, 0],
    1,
  );
  expect(series.map(({ name }) => name)).toEqual(['{code="200"}', '{code="500"}']);
});

test('too many series are counted, not drawn', () => {
  const many = Array.from({ length: 30 }, (_, index) => ({
    metric: { i: String(index) },
    values: [] as [number, string][],
  }));
  const { series, left } = readMatrix(matrix(...many), [0, 0], 1);
  expect([series.length, left]).toEqual([24, 6]);
});
