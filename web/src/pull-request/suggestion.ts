// Changes that a comment suggests: a fenced block whose lines take the place of the commented line.

export type Part = { kind: 'text'; text: string } | { kind: 'suggestion'; lines: string[] };

const OPENING = /^ {0,3}(`{3,})suggestion\s*$/;

/** A comment's text and its suggestions in order; a block that never ends is text. */
export function partsOf(body: string): Part[] {
  const parts: Part[] = [];
  const lines = body.split(/\r?\n/);
  let text: string[] = [];
  const endText = (): void => {
    const joined = text.join('\n').trim();
    if (joined !== '') parts.push({ kind: 'text', text: joined });
    text = [];
  };
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const fence = OPENING.exec(line)?.[1];
    const end = fence === undefined ? -1 : endOf(lines, at + 1, fence.length);
    if (end === -1) {
      text.push(line);
      continue;
    }
    endText();
    parts.push({ kind: 'suggestion', lines: lines.slice(at + 1, end) });
    at = end;
  }
  endText();
  return parts;
}

function endOf(lines: string[], from: number, ticks: number): number {
  return lines.findIndex((line, index) => {
    const found = /^ {0,3}(`{3,})\s*$/.exec(line)?.[1];
    return index >= from && found !== undefined && found.length >= ticks;
  });
}

/** The block that suggests this text, to be changed by who writes it. */
export function blockOf(text: string): string {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map((ticks) => ticks.length));
  const fence = '`'.repeat(Math.max(3, longest + 1));
  return `${fence}suggestion\n${text}\n${fence}\n`;
}

/** What a suggestion does to its line, as a unified difference. */
export function differenceOf(line: number, text: string, lines: string[]): string {
  const start = lines.length === 0 ? line - 1 : line;
  const added = lines.map((one) => `+${one}\n`).join('');
  return `@@ -${line},1 +${start},${lines.length} @@\n-${text}\n${added}`;
}

/** The same for `git apply --unidiff-zero`. */
export function patchOf(path: string, difference: string): string {
  return `--- a/${path}\n+++ b/${path}\n${difference}`;
}

/** The whole file with the suggestion in the place of its line; null when another line stands there. */
export function applied(file: string, line: number, text: string, lines: string[]): string | null {
  const all = file.split('\n');
  const now = all[line - 1];
  if (now === undefined) return null;
  const end = now.endsWith('\r') ? '\r' : '';
  if (now !== text && now !== `${text}${end}`) return null;
  all.splice(line - 1, 1, ...lines.map((one) => `${one}${end}`));
  return all.join('\n');
}
