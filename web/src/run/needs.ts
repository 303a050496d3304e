// Which job of a workflow needs which, read from the file that Git has; the run itself does not say.

/** The ids of the jobs that each job needs; `null` when the file is written in a way not read here. */
export type Needs = ReadonlyMap<string, readonly string[]> | null;

interface Line {
  indent: number;
  text: string;
}

const KEY = /^(?:"([^"]+)"|'([^']+)'|([\w-]+))\s*:(?:\s+(.*))?$/;
const NAME = /^[\w-]+$/;

export function readNeeds(workflow: string): Needs {
  const lines = workflow.split('\n').map(plain).filter(isThere);
  const start = lines.findIndex(
    ({ indent, text }) => indent === 0 && /^["']?jobs["']?:$/.test(text),
  );
  if (start < 0) return null;
  const block = within(lines, start);
  const indent = block[0]?.indent ?? 0;
  const needs = new Map<string, readonly string[]>();
  for (const [index, line] of block.entries()) {
    if (line.indent !== indent) continue;
    const [key, rest] = keyOf(line.text);
    const needed = key === null || rest !== '' ? null : neededBy(within(block, index));
    if (key === null || needed === null) return null;
    needs.set(key, needed);
  }
  return needs;
}

function neededBy(job: Line[]): string[] | null {
  const indent = job[0]?.indent;
  const index = job.findIndex((line) => line.indent === indent && keyOf(line.text)[0] === 'needs');
  const line = job[index];
  // A merge key may bring `needs` from elsewhere.
  if (job.some(({ indent: own, text }) => own === indent && text.startsWith('<<'))) return null;
  if (!line) return [];
  const [, rest] = keyOf(line.text);
  const names =
    rest === ''
      ? itemsAfter(job, index)
      : rest.startsWith('[')
        ? rest.replace(/^\[|\]$/g, '').split(',')
        : [rest];
  const read = names.map(unquoted).filter((name) => name !== '');
  return read.length > 0 && read.every((name) => NAME.test(name)) ? read : null;
}

/** The items of a list below a key; they may stand as far left as the key itself. */
function itemsAfter(lines: Line[], index: number): string[] {
  const own = lines[index]?.indent ?? 0;
  const items: string[] = [];
  for (const { indent, text } of lines.slice(index + 1)) {
    if (indent < own || !text.startsWith('- ')) break;
    items.push(text.slice(2));
  }
  return items;
}

function within(lines: Line[], index: number): Line[] {
  const own = lines[index]?.indent ?? 0;
  const after = lines.slice(index + 1);
  const end = after.findIndex(({ indent }) => indent <= own);
  return end < 0 ? after : after.slice(0, end);
}

function plain(line: string): Line {
  const text = line.replace(/(^|\s)#.*$/, '').trimEnd();
  return { indent: text.length - text.trimStart().length, text: text.trim() };
}

function isThere({ text }: Line): boolean {
  return text !== '' && text !== '---';
}

function keyOf(text: string): [string | null, string] {
  const found = KEY.exec(text);
  return [found?.[1] ?? found?.[2] ?? found?.[3] ?? null, found?.[4] ?? ''];
}

function unquoted(text: string): string {
  return text.trim().replace(/^(["'])(.*)\1$/, '$2');
}
