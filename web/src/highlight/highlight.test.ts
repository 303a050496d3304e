// Colouring: the languages of names, the budget, pieces of lines, and each kind of parser.
import { expect, test } from 'vitest';
import { highlight } from './highlight';
import { BYTES_MAX, isWithinBudget, LINE_CHARACTERS_MAX, LINES_MAX, languageOf } from './language';
import { part, piecesOf } from './pieces';

test('the language is told by the name', () => {
  expect(languageOf('deploy/base/Dockerfile')).toBe('dockerfile');
  expect(languageOf('Dockerfile.dev')).toBe('dockerfile');
  expect(languageOf('.boucle/workflows/ci.yml')).toBe('yaml');
  expect(languageOf('Cargo.lock')).toBe('toml');
  expect(languageOf('src/go')).toBeNull();
  expect(languageOf('README')).toBeNull();
});

test('the budget counts bytes and lines, and both may be used up', () => {
  expect(isWithinBudget('a'.repeat(BYTES_MAX))).toBe(true);
  expect(isWithinBudget('a'.repeat(BYTES_MAX + 1))).toBe(false);
  expect(isWithinBudget('é'.repeat(BYTES_MAX / 2))).toBe(true);
  expect(isWithinBudget('é'.repeat(BYTES_MAX / 2 + 1))).toBe(false);
  expect(isWithinBudget('a\n'.repeat(LINES_MAX))).toBe(true);
  expect(isWithinBudget(`${'a\n'.repeat(LINES_MAX)}a`)).toBe(false);
});

test('a range over several lines is cut at their ends', () => {
  const lines = piecesOf('a /*b\nc*/ d', [{ from: 2, to: 9, kind: 'comment' }]);
  expect(lines).toEqual([
    [
      { text: 'a ', kind: '' },
      { text: '/*b', kind: 'comment' },
    ],
    [
      { text: 'c*/', kind: 'comment' },
      { text: ' d', kind: '' },
    ],
  ]);
});

test('a line that is too long stays plain, the one after it does not', () => {
  const long = 'x'.repeat(LINE_CHARACTERS_MAX + 1);
  const ranges = [
    { from: 0, to: 5, kind: 'keyword' as const },
    { from: long.length + 1, to: long.length + 3, kind: 'keyword' as const },
  ];
  expect(piecesOf(`${long}\nfn`, ranges)).toEqual([
    [{ text: long, kind: '' }],
    [{ text: 'fn', kind: 'keyword' }],
  ]);
});

test('a part of a line keeps its colours', () => {
  const pieces = piecesOf('let x = 1', [{ from: 0, to: 3, kind: 'keyword' }])[0] ?? [];
  expect(part(pieces, 1, 5)).toEqual([
    { text: 'et', kind: 'keyword' },
    { text: ' x', kind: '' },
  ]);
});

test.each([
  ['rust', 'pub fn greet() {}', 'pub', 'keyword'],
  ['typescript', 'const x: Thing = "a";', '"a"', 'string'],
  ['go', 'package main', 'package', 'keyword'],
  ['yaml', 'kind: Service # here', '# here', 'comment'],
  ['yaml', 'kind: Service', 'kind', 'name'],
  ['json', '{"a": true}', 'true', 'literal'],
  ['shell', 'if true; then echo "a"; fi', 'if', 'keyword'],
  ['toml', 'a = "b"', '"b"', 'string'],
  ['dockerfile', 'FROM debian', 'FROM', 'keyword'],
] as const)('%s: %s', async (language, text, word, kind) => {
  const [line = []] = await highlight(text, language);
  expect(line.map((piece) => piece.text).join('')).toBe(text);
  expect(line.find((piece) => piece.text === word)?.kind).toBe(kind);
});
