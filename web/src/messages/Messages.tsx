// Hands the messages of the language in use to every part of the page; the others are not loaded.
import { createContext, type ReactNode, use, useEffect } from 'react';
import { useStore } from '../data/store';
import type { Messages } from './en';
import type { FactMessages } from './en-facts';
import type { MetricMessages } from './en-metrics';
import type { PasskeyMessages } from './en-passkeys';
import type { ScreenMessages } from './en-screens';
import type { SettingsMessages } from './en-settings';
import { chosenLanguage, type Language, languageInUse, localeFor } from './language';

interface Spoken {
  language: Language;
  locale: string;
  messages: Messages;
}

const loaders = {
  en: {
    shared: async () => (await import('./en')).en,
    facts: async () => (await import('./en-facts')).enFacts,
    screens: async () => (await import('./en-screens')).enScreens,
    metrics: async () => (await import('./en-metrics')).enMetrics,
    settings: async () => (await import('./en-settings')).enSettings,
    passkeys: async () => (await import('./en-passkeys')).enPasskeys,
  },
  fr: {
    shared: async () => (await import('./fr')).fr,
    facts: async () => (await import('./fr-facts')).frFacts,
    screens: async () => (await import('./fr-screens')).frScreens,
    metrics: async () => (await import('./fr-metrics')).frMetrics,
    settings: async () => (await import('./fr-settings')).frSettings,
    passkeys: async () => (await import('./fr-passkeys')).frPasskeys,
  },
} satisfies Record<Language, Loaders>;

interface Loaders {
  shared: () => Promise<Messages>;
  facts: () => Promise<FactMessages>;
  screens: () => Promise<ScreenMessages>;
  metrics: () => Promise<MetricMessages>;
  settings: () => Promise<SettingsMessages>;
  passkeys: () => Promise<PasskeyMessages>;
}

const loaded = new Map<string, Promise<unknown>>();

function load<T>(key: string, loader: () => Promise<T>): Promise<T> {
  const known = loaded.get(key) as Promise<T> | undefined;
  if (known) return known;
  const promise = loader();
  loaded.set(key, promise);
  promise.catch(() => loaded.delete(key));
  return promise;
}

const SpokenContext = createContext<Spoken | null>(null);

export function loadShared(language: Language): Promise<Messages> {
  return load(`${language}.shared`, loaders[language].shared);
}

export function MessagesProvider({ children }: { children: ReactNode }): ReactNode {
  useStore(chosenLanguage);
  const language = languageInUse();
  const messages = use(loadShared(language));
  const locale = localeFor(language, navigator.languages);
  useEffect(() => {
    document.documentElement.lang = language;
  }, [language]);
  return <SpokenContext value={{ language, locale, messages }}>{children}</SpokenContext>;
}

function useSpoken(): Spoken {
  const spoken = use(SpokenContext);
  if (!spoken) throw new Error('outside of MessagesProvider');
  return spoken;
}

export function useMessages(): Messages {
  return useSpoken().messages;
}

export function useLanguage(): Language {
  return useSpoken().language;
}

export function useLocale(): string {
  return useSpoken().locale;
}

/** The sentences of facts; suspends until they are there. */
export function useFactMessages(): FactMessages {
  const { language } = useSpoken();
  return use<FactMessages>(load(`${language}.facts`, loaders[language].facts));
}

/** What the screens behind Home say; suspends until it is there. */
export function useScreens(): ScreenMessages {
  const { language } = useSpoken();
  return use<ScreenMessages>(load(`${language}.screens`, loaders[language].screens));
}

/** What the screen of metrics says; suspends until it is there. */
export function useMetricWords(): MetricMessages {
  const { language } = useSpoken();
  return use<MetricMessages>(load(`${language}.metrics`, loaders[language].metrics));
}

/** What the screen of settings says; suspends until it is there. */
export function useSettingsWords(): SettingsMessages {
  const { language } = useSpoken();
  return use<SettingsMessages>(load(`${language}.settings`, loaders[language].settings));
}

/** What passkeys say; suspends until it is there. */
export function usePasskeyWords(): PasskeyMessages {
  const { language } = useSpoken();
  return use<PasskeyMessages>(load(`${language}.passkeys`, loaders[language].passkeys));
}
