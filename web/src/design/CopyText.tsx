// A button that copies a text and says that it did.
import { type ReactNode, useState } from 'react';
import { useScreens } from '../messages/Messages';

const TOLD_MS = 1500;

export function CopyText({ label, text }: { label: string; text: string }): ReactNode {
  const { review } = useScreens();
  const [copied, setCopied] = useState(false);
  const copy = (): void => {
    void navigator.clipboard?.writeText(text).then(() => {
      setCopied(true);
      setTimeout(() => setCopied(false), TOLD_MS);
    });
  };
  return (
    <button type="button" className="button" onClick={copy}>
      <span aria-live="polite">{copied ? review.copied : label}</span>
    </button>
  );
}
