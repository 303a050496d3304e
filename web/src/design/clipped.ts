// Cuts what is too long to be drawn: a browser that lays out one line of megabytes stands still.

/** More characters of one line are not drawn; no line that a person reads is as long. */
export const LINE_CHARACTERS_MAX = 2_000;

export interface Clipped {
  text: string;
  /** How many characters are not shown. */
  left: number;
}

export function clipped(line: string): Clipped {
  if (line.length <= LINE_CHARACTERS_MAX) return { text: line, left: 0 };
  // Half of a pair of surrogates would be drawn as a broken sign.
  const isPair = /[\uD800-\uDBFF]/.test(line.charAt(LINE_CHARACTERS_MAX - 1));
  const end = isPair ? LINE_CHARACTERS_MAX - 1 : LINE_CHARACTERS_MAX;
  return { text: line.slice(0, end), left: line.length - end };
}
