// Long lines are cut between signs, never inside one.
import { expect, test } from 'vitest';
import { clipped, LINE_CHARACTERS_MAX } from './clipped';

test('a line that can be read is whole', () => {
  expect(clipped('a'.repeat(LINE_CHARACTERS_MAX)).left).toBe(0);
});

test('a longer one is cut, and what is left is counted', () => {
  const { text, left } = clipped('a'.repeat(LINE_CHARACTERS_MAX + 7));
  expect([text.length, left]).toEqual([LINE_CHARACTERS_MAX, 7]);
});

test('no sign is cut in two', () => {
  const { text, left } = clipped(`${'a'.repeat(LINE_CHARACTERS_MAX - 1)}😀b`);
  expect([text.length, left]).toEqual([LINE_CHARACTERS_MAX - 1, 3]);
});
