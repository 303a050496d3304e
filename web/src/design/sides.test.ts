// What is replaced stands beside what replaces it.
import { expect, test } from 'vitest';
import { sideBySide, stacked } from './sides';
import { readUnified } from './unified';

const texts = (unified: string, lay = sideBySide): (string | undefined)[][] =>
  lay(readUnified(`@@ -1,9 +1,9 @@\n${unified}`))
    .slice(1)
    .map((line) => (line.hunk ? [] : [line.left?.text, line.right?.text]));

test('a block of removed lines is paired with the added ones behind it', () => {
  expect(texts(' a\n-b\n-c\n+d\n+e\n f\n')).toEqual([
    ['a', 'a'],
    ['b', 'd'],
    ['c', 'e'],
    ['f', 'f'],
  ]);
});

test('the longer side goes on alone', () => {
  expect(texts('-b\n+c\n+d\n')).toEqual([
    ['b', 'c'],
    [undefined, 'd'],
  ]);
  expect(texts('-b\n-c\n+d\n')).toEqual([
    ['b', 'd'],
    ['c', undefined],
  ]);
});

test('added lines that stand before removed ones are another block', () => {
  expect(texts('+a\n-b\n')).toEqual([
    [undefined, 'a'],
    ['b', undefined],
  ]);
});

test('one below the other each row has its own line', () => {
  expect(texts('-b\n+c\n d\n', stacked)).toEqual([
    ['b', undefined],
    [undefined, 'c'],
    ['d', 'd'],
  ]);
});
