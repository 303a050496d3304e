// A line of a log in the colours that the job gave it.
import { AnsiUp } from 'ansi_up';
import { type ReactNode, useMemo } from 'react';
import { clipped } from '../design/clipped';
import { seen } from '../design/seen';
import { useScreens } from '../messages/Messages';

interface Fragment {
  text: string;
  className: string;
}

interface Parsed {
  text: string;
  bold: boolean;
  fg: { class_name: string } | null;
}

const TONES: [string, string][] = [
  ['red', 'text-bad'],
  ['green', 'text-good'],
  ['yellow', 'text-wait'],
];

/** Reads colours with the library's parser, and keeps its pieces instead of its markup. */
function piecesOf(text: string): Fragment[] {
  if (!text.includes('\u001b')) return [{ text, className: '' }];
  const pieces: Fragment[] = [];
  const reader = new AnsiUp();
  const hook = reader as unknown as { transform_to_html: (parsed: Parsed) => string };
  hook.transform_to_html = ({ text: piece, bold, fg }) => {
    const known = TONES.find(([colour]) => fg?.class_name.includes(colour));
    const tone = fg ? (known?.[1] ?? 'text-accent') : '';
    pieces.push({ text: piece, className: bold ? `${tone} font-bold` : tone });
    return '';
  };
  reader.ansi_to_html(text);
  return pieces;
}

export function Coloured({ text }: { text: string }): ReactNode {
  const { difference } = useScreens();
  const { text: shown, left } = useMemo(() => clipped(seen(text)), [text]);
  const pieces = useMemo(() => piecesOf(shown), [shown]);
  return (
    <span className="whitespace-pre">
      {pieces.map(({ text: piece, className }, index) => (
        // The pieces of a line never change their order.
        // biome-ignore lint/suspicious/noArrayIndexKey: see above
        <span key={index} className={className}>
          {piece}
        </span>
      ))}
      {left > 0 && <span className="text-muted"> {difference.left(left)}</span>}
    </span>
  );
}
