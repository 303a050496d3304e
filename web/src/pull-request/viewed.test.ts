// Viewed files: kept for one patch set, counted among the files that there are.
import { expect, test } from 'vitest';
import { countViewed, readViewed, writeViewed } from './viewed';

test('what was viewed is remembered for its patch set only', () => {
  const text = writeViewed('aa', ['src/a.rs', 'a b.md']);
  expect(readViewed(text, 'aa')).toEqual(['src/a.rs', 'a b.md']);
  expect(readViewed(text, 'bb')).toEqual([]);
  expect(readViewed(null, 'aa')).toEqual([]);
  expect(writeViewed('aa', [])).toBeNull();
});

test('only files of the difference count', () => {
  expect(countViewed(['a', 'gone'], ['a', 'b', 'c'])).toBe(1);
});
