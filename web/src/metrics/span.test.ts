// The span of a chart: what the address says, and what holds when it says nothing.
import { expect, test } from 'vitest';
import { problemIn } from './prometheus';
import { boundsOf, RANGES, spanOf, stepFor } from './span';

test('an address without a span, or with nonsense, shows the last quarter of an hour', () => {
  const first = { range: '15m', seconds: 900, until: null, step: 5 };
  expect(spanOf({})).toEqual(first);
  expect(spanOf({ range: 'toString', until: 'never', step: '7' })).toEqual(first);
});

test('the address chooses range, end and step', () => {
  expect(spanOf({ range: '1h', until: '1970-01-01T02:00:00Z', step: '1m' })).toEqual({
    range: '1h',
    seconds: 3600,
    until: 7200,
    step: 60,
  });
});

test('the points of every range fit on a screen', () => {
  for (const seconds of Object.values(RANGES)) {
    expect(seconds / stepFor(seconds)).toBeLessThanOrEqual(240);
  }
});

test('the grid stands on whole steps', () => {
  expect(boundsOf(spanOf({ range: '5m', step: '1m' }), 1000.5)).toEqual([660, 960]);
});

test('the code of a refusal stands in brackets at its end', () => {
  const error = 'the query is not valid: unclosed [5m] [query-invalid]';
  expect(problemIn({ status: 'error', errorType: 'bad_data', error })).toEqual({
    code: 'query-invalid',
    detail: 'the query is not valid: unclosed [5m]',
  });
  expect(problemIn({ errorType: 'bad_data', error: 'no step' })).toMatchObject({
    code: 'bad_data',
  });
});
