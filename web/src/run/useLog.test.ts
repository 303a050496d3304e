// Lines of a log that comes in pieces: a piece may end anywhere.
import { expect, test } from 'vitest';
import { grown, type ReadLog } from './useLog';

const read = (...pieces: string[]): ReadLog =>
  pieces.reduce(grown, { lines: [], open: false, error: null });

test('a line in two pieces is one line', () => {
  expect(read('one\ntw', 'o\nthree\n').lines).toEqual(['one', 'two', 'three']);
  expect(read('one', '\n').lines).toEqual(['one']);
  expect(read('one', '\n').open).toBe(false);
});

test('empty lines are kept', () => {
  expect(read('one\n', '\n\n', 'two').lines).toEqual(['one', '', '', 'two']);
  expect(read('one\n', '\n\n', 'two').open).toBe(true);
});
