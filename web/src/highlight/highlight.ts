// Colours a text: by a grammar when there is one, or line by line; loaded with the first file.
import { type StreamParser, StringStream } from '@codemirror/streamparser';
import type { Parser, Tree } from '@lezer/common';
import { highlightTree, tagHighlighter } from '@lezer/highlight';
import './colours.css';
import { grammars, KINDS, readers } from './grammars';
import type { Language } from './language';
import { type Kind, type Piece, piecesOf, type Range } from './pieces';

/** The page stays alive: after this long at one piece of work the browser has its turn. */
const SLICE_MS = 12;

/** How often a line reader may look without reading. */
const STANDS_MAX = 10;

const kinds = tagHighlighter(KINDS);

/** The words that line readers use, by what they are to us. */
const WORDS: Record<string, Kind> = {
  comment: 'comment',
  keyword: 'keyword',
  builtin: 'keyword',
  string: 'string',
  quote: 'string',
  number: 'literal',
  atom: 'literal',
  property: 'name',
  propertyName: 'name',
  def: 'name',
  attribute: 'literal',
  meta: 'punctuation',
  operator: 'punctuation',
  bracket: 'punctuation',
};

export async function highlight(text: string, language: Language): Promise<Piece[][]> {
  const grammar = await grammars[language]?.();
  if (grammar) return piecesOf(text, rangesOf(await parse(grammar, text)));
  const reader = await readers[language]?.();
  return piecesOf(text, reader ? await readLines(reader, text) : []);
}

async function parse(grammar: Parser, text: string): Promise<Tree> {
  const work = grammar.startParse(text);
  const turn = createTurn();
  for (;;) {
    const tree = work.advance();
    if (tree) return tree;
    await turn();
  }
}

function rangesOf(tree: Tree): Range[] {
  const ranges: Range[] = [];
  highlightTree(tree, kinds, (from, to, found) => {
    // Of several, the last is the most exact.
    ranges.push({ from, to, kind: (found.split(' ').at(-1) ?? '') as Kind });
  });
  return ranges;
}

async function readLines(reader: StreamParser<unknown>, text: string): Promise<Range[]> {
  const ranges: Range[] = [];
  const state = reader.startState?.(2) ?? {};
  const turn = createTurn();
  let start = 0;
  for (const line of text.split('\n')) {
    const stream = new StringStream(line, 4, 2);
    if (line === '') reader.blankLine?.(state, 2);
    while (!stream.eol()) {
      const word = read(reader, stream, state).split(/[ .]/)[0] ?? '';
      const kind = WORDS[word];
      if (kind) ranges.push({ from: start + stream.start, to: start + stream.pos, kind });
    }
    start += line.length + 1;
    await turn();
  }
  return ranges;
}

/** The next token's word. A reader may stand still to change its state, but not for ever. */
function read(reader: StreamParser<unknown>, stream: StringStream, state: unknown): string {
  stream.start = stream.pos;
  for (let tries = 0; tries < STANDS_MAX; tries++) {
    const word = reader.token(stream, state);
    if (stream.pos > stream.start) return word ?? '';
  }
  stream.next();
  return '';
}

/** Waits for the browser's turn when one's own was long enough. */
function createTurn(): () => Promise<void> {
  let begun = performance.now();
  return async () => {
    if (performance.now() - begun < SLICE_MS) return;
    await new Promise((resolve) => setTimeout(resolve));
    begun = performance.now();
  };
}
