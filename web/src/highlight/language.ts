// Which language a file is in, by its name, and how much of it is coloured at most.

export type Language =
  | 'dockerfile'
  | 'go'
  | 'javascript'
  | 'json'
  | 'rust'
  | 'shell'
  | 'toml'
  | 'typescript'
  | 'yaml';

const ENDINGS: Record<string, Language> = {
  yaml: 'yaml',
  yml: 'yaml',
  rs: 'rust',
  ts: 'typescript',
  tsx: 'typescript',
  mts: 'typescript',
  js: 'javascript',
  jsx: 'javascript',
  mjs: 'javascript',
  cjs: 'javascript',
  go: 'go',
  json: 'json',
  sh: 'shell',
  bash: 'shell',
  toml: 'toml',
  dockerfile: 'dockerfile',
  containerfile: 'dockerfile',
};

const NAMES: Record<string, Language> = {
  dockerfile: 'dockerfile',
  containerfile: 'dockerfile',
  'cargo.lock': 'toml',
};

/** The language of `deploy/base.yaml`; `null` when it is shown plainly. */
export function languageOf(path: string): Language | null {
  const name = path.split('/').at(-1)?.toLowerCase() ?? '';
  const known = NAMES[name] ?? NAMES[name.split('.')[0] ?? ''];
  if (known) return known;
  return name.includes('.') ? (ENDINGS[name.split('.').at(-1) ?? ''] ?? null) : null;
}

/** A larger text is not coloured at all. */
export const BYTES_MAX = 512 * 1024;
export const LINES_MAX = 10_000;

/** A longer line stays plain in a text that is coloured. */
export const LINE_CHARACTERS_MAX = 5_000;

export function isWithinBudget(text: string): boolean {
  // A character takes one byte at least and three at most for each unit of its length.
  if (text.length > BYTES_MAX) return false;
  if (text.length * 3 > BYTES_MAX && new TextEncoder().encode(text).length > BYTES_MAX) {
    return false;
  }
  let lines = text === '' || text.endsWith('\n') ? 0 : 1;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) {
    if (++lines > LINES_MAX) return false;
  }
  return lines <= LINES_MAX;
}
