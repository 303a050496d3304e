// Values that a browser remembers: the theme, the language, what was put away. Tabs share them.
import { createStore, type Store } from './store';

const PREFIX = 'boucle.';

/** A remembered text; `null` when nothing was chosen. Works without storage, for the visit only. */
export function remembered(name: string): Store<string | null> {
  const key = PREFIX + name;
  const store = createStore(readKey(key));
  globalThis.addEventListener?.('storage', (event) => {
    if (event.key === key) store.set(event.newValue);
  });
  return {
    ...store,
    set: (next) => {
      writeKey(key, next);
      store.set(next);
    },
  };
}

function readKey(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function writeKey(key: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem(key);
    else localStorage.setItem(key, value);
  } catch {
    // A browser that keeps nothing still shows the page.
  }
}
