// Suggested queries: counters by their rate, values of labels safely in quotes.
import { expect, test } from 'vitest';
import { queryFor, queryOfApplication } from './suggest';

test('of a counter its rate is asked, of anything else its value', () => {
  expect(queryFor('up')).toBe('up');
  expect(queryFor('requests_total', { application: 'web' })).toBe(
    'rate(requests_total{application="web"}[1m])',
  );
});

test('a value cannot leave its quotes', () => {
  expect(queryFor('up', { job: 'a"} or b{c="\\' })).toBe('up{job="a\\"} or b{c=\\"\\\\"}');
});

test('the counters of an application are told for its replicas together', () => {
  expect(queryOfApplication('a_total', 'web')).toBe(
    'sum without (instance, replica, revision) (rate(a_total{application="web"}[1m]))',
  );
  expect(queryOfApplication('up', 'web')).toBe('up{application="web"}');
});
