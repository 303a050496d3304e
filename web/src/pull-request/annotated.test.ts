// Annotations find their lines of the new side; whatever has none is elsewhere and not lost.
import { expect, test } from 'vitest';
import type { Annotation } from '../run/annotations';
import { annotatedIn } from './annotated';

const FILES = [
  { path: 'a.txt', unified: '@@ -1,3 +1,3 @@\n one\n-two\n+zwei\n three\n' },
  { path: 'gone.txt', unified: '@@ -1 +0,0 @@\n-gone\n' },
  { path: 'picture.png', unified: '' },
];

function annotation(message: string, rest: Partial<Annotation>): Annotation {
  return { run: 1, job: 'test', level: 'notice', message, ...rest };
}

function messages(annotations: Annotation[]): string[] {
  return annotations.map(({ message }) => message);
}

test('annotations stand at their line, the gravest first', () => {
  const { at, elsewhere } = annotatedIn(FILES, [
    annotation('small', { file: 'a.txt', line: 2 }),
    annotation('grave', { file: './a.txt', line: 2, level: 'error' }),
    annotation('unchanged', { file: 'a.txt', line: 3 }),
  ]);
  expect(messages(at('a.txt', 2))).toEqual(['grave', 'small']);
  expect(messages(at('a.txt', 3))).toEqual(['unchanged']);
  expect(at('a.txt', 1)).toEqual([]);
  expect(at('b.txt', 2)).toEqual([]);
  expect(elsewhere).toEqual([]);
});

test('what the difference does not show is elsewhere', () => {
  const { elsewhere } = annotatedIn(FILES, [
    annotation('no file', {}),
    annotation('no line', { file: 'a.txt' }),
    annotation('another line', { file: 'a.txt', line: 99 }),
    annotation('another file', { file: 'b.txt', line: 1 }),
    annotation('a file that is gone', { file: 'gone.txt', line: 1 }),
    annotation('no text', { file: 'picture.png', line: 1 }),
    annotation('no path', { file: 'javascript:alert(1)', line: 1, level: 'error' }),
  ]);
  expect(messages(elsewhere)).toEqual([
    'no path',
    'no file',
    'no line',
    'another line',
    'another file',
    'a file that is gone',
    'no text',
  ]);
});
