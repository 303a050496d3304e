// Lines come out as they went in, in whatever parts, and are found wherever they are.
import { expect, test } from 'vitest';
import { Lines } from './lines';

const TEXT = ['one', '', 'Two ÉTÉ', 'three', 'İstanbul two', 'two'].join('\n');

function linesOf(parts: string[]): Lines {
  const lines = new Lines();
  for (const part of parts) lines.append(part);
  return lines;
}

function all(lines: Lines): string[] {
  return Array.from({ length: lines.count }, (_, place) => lines.at(place));
}

test.each([1, 2, 3, 5, 8, 100])('parts of %i letters give the lines of the whole', (size) => {
  const parts = TEXT.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
  expect(all(linesOf(parts))).toEqual(TEXT.split('\n'));
  expect(linesOf(parts).parts().join('')).toBe(TEXT);
});

test.each([
  ['two', [2, 4, 5]],
  ['été', [2]],
  ['e', [0, 3]],
  ['stanbul', [4]],
  ['none', []],
])('%s is found', (needle, places) => {
  for (const size of [1, 4, 100]) {
    const parts = TEXT.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
    expect(linesOf(parts).find(needle)).toEqual(places);
  }
});

test('what comes later is found as well, and another word begins anew', () => {
  const lines = linesOf(['a two\nb\n']);
  expect(lines.find('two')).toEqual([0]);
  lines.append('c two\nd');
  expect(lines.find('two')).toEqual([0, 2]);
  expect(lines.find('d')).toEqual([3]);
  lines.append(' two\n');
  expect(lines.find('two')).toEqual([0, 2, 3]);
});

test('an ended line leaves no empty one behind, and beyond the last there is nothing', () => {
  const lines = linesOf(['a\n']);
  expect(lines.count).toBe(1);
  expect(lines.at(1)).toBe('');
});
