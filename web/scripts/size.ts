// Adds up what a first visit loads: the shell, Home and one language, each compressed.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

interface Chunk {
  file: string;
  src?: string;
  imports?: string[];
  css?: string[];
}

const BUDGET_KB = 150;
const DIST = 'dist/page';
const FIRST_LOAD = ['index.html', 'src/messages/fr.ts', 'src/messages/fr-facts.ts'];

const manifest = JSON.parse(readFileSync(join(DIST, '.vite/manifest.json'), 'utf8')) as Record<
  string,
  Chunk
>;
const files = new Set<string>(['index.html', 'theme.js']);

for (const entry of FIRST_LOAD) {
  if (!manifest[entry]) throw new Error(`${entry} is not an entry of the build`);
  addChunk(entry);
}

let total = 0;
for (const file of files) {
  const bytes = gzipSync(readFileSync(join(DIST, file)), { level: 9 }).length;
  total += bytes;
  console.log(`${(bytes / 1000).toFixed(1).padStart(8)} kB  ${file}`);
}
console.log(`${(total / 1000).toFixed(1).padStart(8)} kB  of ${BUDGET_KB} kB for the first load`);
process.exitCode = total > BUDGET_KB * 1000 ? 1 : 0;

function addChunk(name: string): void {
  const chunk = manifest[name];
  if (!chunk || files.has(chunk.file)) return;
  files.add(chunk.file);
  for (const style of chunk.css ?? []) files.add(style);
  for (const next of chunk.imports ?? []) addChunk(next);
}
