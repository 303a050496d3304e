// The coloured lines of texts in one file's language; plain until they are there.
import { useEffect, useState } from 'react';
import { isWithinBudget, languageOf } from './language';
import type { Piece } from './pieces';

const NONE: string[] = [];

/** For each text its lines in pieces; `null` while they are plain, or for ever. */
export function useHighlight(path: string | undefined, texts: string[]): Piece[][][] | null {
  const [done, setDone] = useState<{ texts: string[]; pieces: Piece[][][] } | null>(null);
  const language = path === undefined ? null : languageOf(path);
  const asked = language && isWithinBudget(texts.join('\n')) ? texts : NONE;
  useEffect(() => {
    if (!language || asked.length === 0) return;
    let wanted = true;
    const colour = async (): Promise<void> => {
      const { highlight } = await import('./highlight');
      const pieces: Piece[][][] = [];
      for (const text of asked) {
        if (!wanted) return;
        pieces.push(await highlight(text, language));
      }
      if (wanted) setDone({ texts: asked, pieces });
    };
    // Without colours the text is there all the same.
    colour().catch(() => undefined);
    return () => {
      wanted = false;
    };
  }, [language, asked]);
  return done?.texts === asked ? done.pieces : null;
}
