// What steps annotated, in order, and which of the files that they name can be files of the repository.
import type { components } from '../data/api-types';

export type Annotation = components['schemas']['Annotation'];
export type Level = components['schemas']['AnnotationLevel'];

const GRAVITY: Record<Level, number> = { error: 0, warning: 1, notice: 2 };

/** The gravest first; those that are as grave stay in their order. */
export function graveFirst(annotations: Annotation[]): Annotation[] {
  return annotations.toSorted((one, other) => GRAVITY[one.level] - GRAVITY[other.level]);
}

/**
 * The path in the repository that an annotation names. A job writes what it likes there: an address, a path of
 * its own machine or one with steps upwards is none, and is never a link.
 */
export function pathIn(file: string | null | undefined): string | null {
  if (!file) return null;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: no name that a person reads has them
  if (/^[a-z][a-z0-9+.-]*:/i.test(file) || /[\\\u0000-\u001f\u007f]/.test(file)) return null;
  const parts = file.split('/').filter((part, index) => part !== '.' || index > 0);
  return parts.some((part) => part === '' || part === '.' || part === '..')
    ? null
    : parts.join('/') || null;
}

/** `src/main.rs:7` as it was named, whether or not it leads anywhere. */
export function placeNamed({ file, line }: Annotation): string {
  return file ? `${file}${line ? `:${line}` : ''}` : '';
}

/** Of the words in an address, the attempt that is earlier than the newest one. */
export function earlierAttempt(wanted: string | undefined, newest: number): number | null {
  const number = Number(wanted);
  return Number.isInteger(number) && number >= 1 && number < newest ? number : null;
}

export type Counted = 'error' | 'warning' | 'notice' | 'summary' | 'file' | 'published';

/** How many there are of what there is at all. */
export function countsOf(found: components['schemas']['RunResults']): [Counted, number][] {
  const of = (level: Level): number =>
    found.annotations.filter((annotation) => annotation.level === level).length;
  const all: [Counted, number][] = [
    ['error', of('error')],
    ['warning', of('warning')],
    ['notice', of('notice')],
    ['summary', found.summaries.length],
    ['file', found.artifacts.length],
    ['published', found.published.length],
  ];
  return all.filter(([, n]) => n > 0);
}
