// Which language is spoken: the browser's, or the one that was chosen here and is remembered.
import { remembered } from '../data/remembered';

export const LANGUAGES = ['en', 'fr'] as const;
export type Language = (typeof LANGUAGES)[number];

export const chosenLanguage = remembered('language');

export function languageFor(chosen: string | null, preferred: readonly string[]): Language {
  const wishes = chosen === null ? preferred : [chosen];
  for (const wish of wishes) {
    const known = LANGUAGES.find((language) => wish.toLowerCase().startsWith(language));
    if (known) return known;
  }
  return 'en';
}

export function languageInUse(): Language {
  return languageFor(chosenLanguage.get(), navigator.languages);
}

/** The tag for dates and numbers: the browser's own region when its language is the one in use. */
export function localeFor(language: Language, preferred: readonly string[]): string {
  return preferred.find((tag) => tag.toLowerCase().startsWith(language)) ?? language;
}
