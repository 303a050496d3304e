// Which files become links, what comes first, and which attempt an address means.
import { expect, test } from 'vitest';
import { type Annotation, earlierAttempt, graveFirst, pathIn, placeNamed } from './annotations';

function path(file: string | null | undefined, expected: string | null): void {
  expect(pathIn(file), String(file)).toBe(expected);
}

test('a relative path is a file of the repository', () => {
  path('README.md', 'README.md');
  path('./src/main.rs', 'src/main.rs');
  path('a folder/..file', 'a folder/..file');
  path('deploy/été.yaml', 'deploy/été.yaml');
});

test('whatever else a job writes there is no link', () => {
  for (const file of [
    '',
    null,
    undefined,
    'javascript:alert(1)',
    'JAVASCRIPT:alert(1)',
    'java\nscript:alert(1)',
    'data:text/html,x',
    'https://example.org/',
    '//example.org/x',
    '/etc/passwd',
    '../outside',
    'src/../../outside',
    'src/..',
    'src//main.rs',
    'src/./main.rs',
    '.',
    'C:/windows',
    'src\\main.rs',
  ]) {
    path(file, null);
  }
});

test('a place is named as the job named it', () => {
  const annotation = { run: 1, job: 'test', level: 'error', message: '' } as Annotation;
  expect(placeNamed(annotation)).toBe('');
  expect(placeNamed({ ...annotation, file: '../x', line: 3 })).toBe('../x:3');
  expect(placeNamed({ ...annotation, file: 'x' })).toBe('x');
});

test('the gravest come first, and those as grave in their order', () => {
  const of = (level: Annotation['level'], message: string): Annotation => ({
    run: 1,
    job: 'test',
    level,
    message,
  });
  const given = [of('notice', 'a'), of('error', 'b'), of('warning', 'c'), of('error', 'd')];
  expect(graveFirst(given).map(({ message }) => message)).toEqual(['b', 'd', 'c', 'a']);
});

test('an address means an earlier attempt only where there is one', () => {
  expect(earlierAttempt('1', 2)).toBe(1);
  for (const wanted of [undefined, '', '0', '-1', '1.5', '2', '9', 'x']) {
    expect(earlierAttempt(wanted, 2), wanted).toBeNull();
  }
});
