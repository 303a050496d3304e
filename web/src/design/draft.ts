// What somebody is writing survives an expired session and a reload: kept for each address.
import { useState } from 'react';

export function useDraft(name: string): [string, (text: string) => void] {
  const key = `boucle.draft ${location.pathname} ${name}`;
  const [text, setText] = useState(() => read(key));
  const write = (next: string): void => {
    setText(next);
    try {
      if (next === '') sessionStorage.removeItem(key);
      else sessionStorage.setItem(key, next);
    } catch {
      // Without storage the text lives as long as the page.
    }
  };
  return [text, write];
}

function read(key: string): string {
  try {
    return sessionStorage.getItem(key) ?? '';
  } catch {
    return '';
  }
}
