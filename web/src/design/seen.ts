// Makes the signs visible that nobody sees but that turn the order of what is read around.

/** Marks, embeddings, overrides and isolates of both directions (UAX #9). */
const TURNING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
/** Letters that are written from right to left. */
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]|[\ud802\ud803\ud83a\ud83b]/;
const FIRST_STRONG_ISOLATE = '\u2068';
const POP_ISOLATE = '\u2069';

/** `a\u202etxt` would be read as another name: the sign is shown as its code. */
export function seen(text: string): string {
  return text.replace(
    TURNING,
    (sign) => `⟨U+${sign.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`,
  );
}

/** The same for a text that becomes part of a sentence, which it must not turn around. */
export function isolated(text: string): string {
  const safe = seen(text);
  return RIGHT_TO_LEFT.test(safe) ? `${FIRST_STRONG_ISOLATE}${safe}${POP_ISOLATE}` : safe;
}
