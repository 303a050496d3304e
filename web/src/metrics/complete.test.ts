// Completion of queries: what is asked for at the caret, what fits, and what is put in.
import { expect, test } from 'vitest';
import { fitting, insert, placeAt } from './complete';

/** The caret is where the bar is. */
function at(marked: string): ReturnType<typeof placeAt> {
  return placeAt(marked.replace('|', ''), marked.indexOf('|'));
}

test('names are metrics and functions', () => {
  expect(at('hel|')).toEqual({ kind: 'name', from: 0, typed: 'hel' });
  expect(at('sum(rate(hel|')).toEqual({ kind: 'name', from: 9, typed: 'hel' });
  expect(at('1 + |')).toBeNull();
});

test('inside braces stand labels and their values', () => {
  expect(at('up{|')).toMatchObject({ kind: 'label', typed: '', metric: 'up' });
  expect(at('up{job="a", rep|}')).toMatchObject({ kind: 'label', typed: 'rep', metric: 'up' });
  expect(at('up{job="a|"}')).toMatchObject({
    kind: 'value',
    typed: 'a',
    metric: 'up',
    label: 'job',
  });
  expect(at('up{job=~"}{|"}')).toMatchObject({ kind: 'value', typed: '}{' });
  expect(at('up{job=|')).toBeNull();
  expect(at('up{job="a"} > hel|')).toMatchObject({ kind: 'name', typed: 'hel' });
});

test('grouping asks for labels, a range for nothing', () => {
  expect(at('sum by (code, app|')).toMatchObject({ kind: 'label', typed: 'app' });
  expect(at('rate(up[5m|')).toBeNull();
});

test('what begins with the text stands before what has it inside', () => {
  expect(fitting(['up', 'group', 'update', 'down'], 'up')).toEqual(['update', 'group']);
});

test('an option takes the place of what was typed', () => {
  const name = at('ra|');
  expect(name && insert('ra', name, 2, 'rate')).toEqual(['rate(', 5]);
  const value = at('up{job="a|"}');
  expect(value && insert('up{job="a"}', value, 9, 'api')).toEqual(['up{job="api"}', 12]);
});
