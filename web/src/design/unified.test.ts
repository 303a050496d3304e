// Reading a unified difference: numbers of both sides, twins of changed lines, changed words.
import { expect, test } from 'vitest';
import { readUnified, sidesOf, wordsOf } from './unified';

test('rows have the numbers of their sides, and changed lines a twin', () => {
  const rows = readUnified('--- a/x\n+++ b/x\n@@ -3,3 +3,3 @@\n one\n-two\n+zwei\n three\n');
  expect(rows.map(({ kind, old, new: after }) => [kind, old, after])).toEqual([
    ['hunk', undefined, undefined],
    ['context', 3, 3],
    ['removed', 4, undefined],
    ['added', undefined, 4],
    ['context', 5, 5],
  ]);
  expect(rows[2]?.twin).toBe('zwei');
});

test('a line that begins with dashes is no heading inside a hunk', () => {
  const rows = readUnified('@@ -1,1 +1,1 @@\n--- item\n+++ item\n');
  expect(rows.map(({ text }) => text)).toEqual(['@@ -1,1 +1,1 @@', '-- item', '++ item']);
});

test('only the words between equal ends are marked', () => {
  expect(wordsOf('a blue car', 'a red car')).toEqual([
    ['a ', false],
    ['blue', true],
    [' car', false],
  ]);
});

test('each hunk has a text for either side, with the rows of its lines', () => {
  const rows = readUnified('@@ -1,2 +1,2 @@\n a\n-b\n+c\n@@ -9,1 +9,2 @@\n d\n+e\n');
  expect(sidesOf(rows)).toEqual([
    { text: 'a\nb', keys: ['', '2'] },
    { text: 'a\nc', keys: ['1', '3'] },
    { text: 'd\ne', keys: ['5', '6'] },
  ]);
});
