// A line of code in its colours.

import type { ReactNode } from 'react';
import { seen } from '../design/seen';
import type { Piece } from './pieces';

export function Pieces({ pieces }: { pieces: Piece[] }): ReactNode {
  return pieces.map(({ text, kind }, index) =>
    kind === '' ? (
      seen(text)
    ) : (
      // The order of pieces never changes, so their place is a key.
      // biome-ignore lint/suspicious/noArrayIndexKey: see above
      <span key={index} className={`code-${kind}`}>
        {seen(text)}
      </span>
    ),
  );
}
