// Lines of a log: their parts, the headings of steps, and what is left when steps are folded.
import { expect, test } from 'vitest';
import { Lines } from '../design/lines';
import { lineAt, placesOf } from './logLines';

const AT = '2026-11-24T19:37:40.400Z';
const TEXTS = [
  `${AT} - test: run 1, attempt 1`,
  `${AT} 0 # Compile`,
  `${AT} 0 # a remark of the compiler`,
  `${AT} 0 `,
  `${AT} 1 # Test`,
  `${AT} 1 ok`,
  'a line without parts',
];
const LINES = new Lines();
LINES.append(TEXTS.map((text) => `${text}\n`).join(''));
const NONE = new Set<number>();

test('a line has a time, a step and its text', () => {
  expect(lineAt(LINES, 5)).toEqual({ number: 6, at: AT, step: 1, text: 'ok', opens: false });
  expect(lineAt(LINES, 0).step).toBeNull();
  expect(lineAt(LINES, 3).text).toBe('');
  expect(lineAt(LINES, 6)).toMatchObject({ at: null, step: null, text: 'a line without parts' });
});

test('only the first line of a step can be its heading', () => {
  const opening = TEXTS.map((_, index) => lineAt(LINES, index)).filter(({ opens }) => opens);
  expect(opening.map(({ text }) => text)).toEqual(['Compile', 'Test']);
});

test('a folded step keeps its heading', () => {
  expect(placesOf(LINES, '', NONE)).toBeNull();
  expect(placesOf(LINES, '', new Set([0]))).toEqual([0, 1, 4, 5, 6]);
});

test('what is looked for is found in folded steps too', () => {
  expect(placesOf(LINES, 'REMARK', new Set([0]))).toEqual([2]);
});
