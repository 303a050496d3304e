// Which annotations of jobs stand at lines of the difference, and which have no place in it.
import { readUnified } from '../design/unified';
import { type Annotation, graveFirst, pathIn } from '../run/annotations';

interface Changed {
  path: string;
  unified: string;
}

export interface Annotated {
  /** Those of a line of a file's new side, the gravest first. */
  at: (path: string, line: number) => Annotation[];
  /** Those on files and lines that the difference does not show, and on none. */
  elsewhere: Annotation[];
}

export function annotatedIn(files: Changed[], annotations: Annotation[]): Annotated {
  const found = new Map<string, Annotation[]>();
  const elsewhere: Annotation[] = [];
  const shown = new Map<string, Set<number>>();
  const linesOf = (path: string): Set<number> | undefined => {
    const file = files.find((one) => one.path === path);
    // Most files have no annotation: only those that have one are read for it.
    if (file && !shown.has(path)) shown.set(path, newLines(file.unified));
    return shown.get(path);
  };
  for (const annotation of graveFirst(annotations)) {
    const path = pathIn(annotation.file);
    const line = annotation.line ?? 0;
    if (path && linesOf(path)?.has(line)) {
      const key = keyOf(path, line);
      found.set(key, [...(found.get(key) ?? []), annotation]);
    } else {
      elsewhere.push(annotation);
    }
  }
  return { at: (path, line) => found.get(keyOf(path, line)) ?? [], elsewhere };
}

function keyOf(path: string, line: number): string {
  return `${line} ${path}`;
}

function newLines(unified: string): Set<number> {
  return new Set(readUnified(unified).flatMap((row) => (row.new ? [row.new] : [])));
}
