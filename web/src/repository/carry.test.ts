// One's own change on top of somebody else's.
import { expect, test } from 'vitest';
import { carried, unifiedOf } from './carry';

const base = 'one\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\nten\n';

test('changes of different places are both kept', () => {
  const mine = base.replace('ten', 'mine');
  const theirs = base.replace('one', 'theirs');
  expect(carried(base, mine, theirs)).toBe(theirs.replace('ten', 'mine'));
});

test('changes of the same line are for a person to join', () => {
  expect(carried(base, base.replace('two', 'mine'), base.replace('two', 'theirs'))).toBeNull();
});

test('the ends of lines stay as they are', () => {
  const windows = base.replaceAll('\n', '\r\n');
  const mine = windows.replace('ten', 'mine');
  const theirs = windows.replace('one', 'theirs');
  expect(carried(windows, mine, theirs)).toBe(theirs.replace('ten', 'mine'));
});

test('what the other changed is a unified difference', () => {
  const unified = unifiedOf(base, base.replace('two', 'theirs'));
  expect(unified).toContain('@@ -1,5 +1,5 @@\n one\n-two\n+theirs\n three\n');
  expect(unified).toMatch(/^--- /);
  expect(unifiedOf(base, base)).toBe('');
});
