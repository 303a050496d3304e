// Two people changed the same text: what the other changed, and one's own change on top of it.
import { applyPatch, createTwoFilesPatch, structuredPatch } from 'diff';

const CONTEXT_LINES = 3;
/** Texts that are hard to compare are not compared: the page must stay alive. */
const TIMEOUT_MS = 1_000;

/** The difference between two texts as unified text; `null` when it takes too long to find. */
export function unifiedOf(before: string, after: string): string | null {
  if (before === after) return '';
  const options = { context: CONTEXT_LINES, timeout: TIMEOUT_MS };
  const unified = createTwoFilesPatch('a', 'b', before, after, '', '', options) as
    | string
    | undefined;
  // Above the names stands a line that no difference of Git has.
  return unified?.replace(/^=+\n/, '') ?? null;
}

/** `mine`, made from `base`, on top of `theirs`; `null` when both changed the same lines. */
export function carried(base: string, mine: string, theirs: string): string | null {
  const options = { context: CONTEXT_LINES, timeout: TIMEOUT_MS };
  const patch = structuredPatch('a', 'b', base, mine, '', '', options) as
    | ReturnType<typeof structuredPatch>
    | undefined;
  if (!patch) return null;
  const text = applyPatch(theirs, patch, { fuzzFactor: 0, autoConvertLineEndings: false });
  return text === false ? null : text;
}
