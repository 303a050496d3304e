// The keys that work everywhere: the palette, the help, and `g` with a letter for each section.
import { useNavigate } from '@tanstack/react-router';
import { useEffect } from 'react';
import { tinykeys } from 'tinykeys';
import { createStore } from '../data/store';
import { SECTIONS } from './sections';

export const overlay = createStore<'none' | 'palette' | 'keys'>('none');

function isTyping(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  // The editor of files is no field but a text that can be edited.
  return target.isContentEditable || target.closest('input, textarea, select') !== null;
}

export function useKeys(): void {
  const navigate = useNavigate();
  useEffect(() => {
    const unlessTyping = (act: () => void) => (event: KeyboardEvent) => {
      if (isTyping(event)) return;
      event.preventDefault();
      act();
    };
    const chords = SECTIONS.map(({ key, to }) => [
      `g ${key}`,
      unlessTyping(() => void navigate({ to })),
    ]);
    return tinykeys(window, {
      ...Object.fromEntries(chords),
      '$mod+KeyK': (event) => {
        event.preventDefault();
        overlay.set('palette');
      },
      'Shift+?': unlessTyping(() => overlay.set('keys')),
      '/': unlessTyping(() => document.querySelector<HTMLElement>('[data-filter]')?.focus()),
    });
  }, [navigate]);
}
