// A secret that is shown this once, to be copied.
import { type ReactNode, useState } from 'react';
import { useSettingsWords } from '../messages/Messages';

interface OnceProps {
  text: string;
  secret: string;
  onDone: () => void;
  children?: ReactNode;
}

export function Once({ text, secret, onDone, children }: OnceProps): ReactNode {
  const { tokens } = useSettingsWords();
  const [copied, setCopied] = useState(false);
  const copy = (): void => {
    void navigator.clipboard?.writeText(secret).then(() => setCopied(true));
  };
  return (
    <div
      role="alert"
      className="mt-3 max-w-prose border-s-4 border-accent bg-accent-ground px-4 py-3"
    >
      <p>{text}</p>
      <p className="mt-1">
        <code className="select-all">{secret}</code>
      </p>
      {children}
      <div className="mt-2 flex flex-wrap gap-2">
        <button type="button" className="button button-first" onClick={copy}>
          {copied ? tokens.copied : tokens.copy}
        </button>
        <button type="button" className="button" onClick={onDone}>
          {tokens.put}
        </button>
      </div>
    </div>
  );
}
