// Suggested changes: found in a comment, written into one, and shown as a difference.
import { expect, test } from 'vitest';
import { readUnified } from '../design/unified';
import { applied, blockOf, differenceOf, partsOf, patchOf } from './suggestion';

test('a comment is taken apart into text and suggestions', () => {
  expect(partsOf('Better:\n```suggestion\nlet a = 1;\nlet b = 2;\n```\nIs it?')).toEqual([
    { kind: 'text', text: 'Better:' },
    { kind: 'suggestion', lines: ['let a = 1;', 'let b = 2;'] },
    { kind: 'text', text: 'Is it?' },
  ]);
});

test('an empty suggestion removes the line, an open one and other code stay text', () => {
  expect(partsOf('```suggestion\r\n```')).toEqual([{ kind: 'suggestion', lines: [] }]);
  const open = '```suggestion\nlet a';
  expect(partsOf(open)).toEqual([{ kind: 'text', text: open }]);
  const code = '```rust\nlet a;\n```';
  expect(partsOf(code)).toEqual([{ kind: 'text', text: code }]);
});

test('what is written is read again, whatever fences are in it', () => {
  for (const text of ['let a;', '```', '````suggestion']) {
    expect(partsOf(blockOf(text))).toEqual([{ kind: 'suggestion', lines: [text] }]);
  }
});

test('the difference takes the line away and puts the suggestion in its place', () => {
  const rows = readUnified(differenceOf(7, 'a', ['b', 'c']));
  expect(
    rows.slice(1).map(({ kind, text, old, new: after }) => [kind, text, old ?? after]),
  ).toEqual([
    ['removed', 'a', 7],
    ['added', 'b', 7],
    ['added', 'c', 8],
  ]);
  expect(patchOf('x.rs', differenceOf(7, 'a', []))).toBe(
    '--- a/x.rs\n+++ b/x.rs\n@@ -7,1 +6,0 @@\n-a\n',
  );
});

test('a suggestion takes the place of its line in the file, and of no other', () => {
  expect(applied('a\nb\nc\n', 2, 'b', ['x', 'y'])).toBe('a\nx\ny\nc\n');
  expect(applied('a\nb\nc\n', 2, 'b', [])).toBe('a\nc\n');
  expect(applied('a\r\nb\r\n', 2, 'b', ['x'])).toBe('a\r\nx\r\n');
  expect(applied('a\nb', 2, 'b', ['x'])).toBe('a\nx');
  expect(applied('a\nB\n', 2, 'b', ['x'])).toBeNull();
  expect(applied('a\n', 9, 'b', ['x'])).toBeNull();
});
