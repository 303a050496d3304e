// Finds the word for a code that the server sends; codes are kebab or snake, words are keyed by one.

/** The word, or `undefined` for a code that this page does not know yet. */
export function wordFor(words: Readonly<Record<string, string>>, code: string): string | undefined {
  const own = (key: string): string | undefined =>
    Object.hasOwn(words, key) ? words[key] : undefined;
  return own(code) ?? own(code.replaceAll('_', '-')) ?? own(code.replaceAll('-', '_'));
}

/** The word, or the code itself made readable. */
export function wordOr(words: Readonly<Record<string, string>>, code: string): string {
  return wordFor(words, code) ?? code.replace(/[-_]/g, ' ');
}
