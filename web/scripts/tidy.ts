// Checks what the linter does not: a heading in each file, its length, and that no screen holds a
// sentence of its own.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const LINES_MAX = 400;
const GENERATED = new Set(['src/data/api-types.ts']);
const SPOKEN_ATTRIBUTES = new Set(['aria-label', 'title', 'placeholder', 'alt', 'label']);
const LETTERS = /\p{L}{2,}/u;

const problems: string[] = [];

for (const folder of ['src', 'scripts', 'e2e', 'bench']) {
  for (const entry of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, entry);
    if (/\.(tsx?|css)$/.test(path) && !GENERATED.has(path)) checkFile(path);
  }
}

for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;

function checkFile(path: string): void {
  const text = readFileSync(path, 'utf8');
  const lines = text.split('\n').length - 1;
  if (lines > LINES_MAX) problems.push(`${path}: ${lines} lines, at most ${LINES_MAX}`);
  const heading = path.endsWith('.css') ? '/* ' : '// ';
  if (!text.startsWith(heading)) problems.push(`${path}:1: say what the file is for`);
  if (path.endsWith('.tsx') && !path.endsWith('.test.tsx')) checkWords(path, text);
}

function checkWords(path: string, text: string): void {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
  const tell = (node: ts.Node): void => {
    const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
    problems.push(`${path}:${line}: words that a person reads belong in src/messages`);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isJsxText(node) && LETTERS.test(node.text)) tell(node);
    if (ts.isJsxAttribute(node) && isSpoken(node)) tell(node);
    ts.forEachChild(node, visit);
  };
  visit(source);
}

function isSpoken(attribute: ts.JsxAttribute): boolean {
  const { initializer } = attribute;
  return (
    SPOKEN_ATTRIBUTES.has(attribute.name.getText()) &&
    initializer !== undefined &&
    ts.isStringLiteral(initializer) &&
    LETTERS.test(initializer.text)
  );
}
