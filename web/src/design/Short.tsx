// A commit or digest: its first letters, the whole of it to copy.
import { type ReactNode, useState } from 'react';
import { useMessages } from '../messages/Messages';

const SHOWN = 10;
const TOLD_MS = 1500;

export function short(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, SHOWN);
}

export function Short({ id }: { id: string }): ReactNode {
  const { copy } = useMessages();
  const [copied, setCopied] = useState(false);
  const take = (): void => {
    void navigator.clipboard?.writeText(id).then(() => {
      setCopied(true);
      setTimeout(() => setCopied(false), TOLD_MS);
    });
  };
  return (
    <button
      type="button"
      onClick={take}
      title={id}
      aria-label={copy.value(short(id))}
      className="min-h-6 cursor-pointer rounded bg-sunken px-1 font-mono whitespace-nowrap text-[12.5px]"
    >
      {copied ? copy.copied : short(id)}
    </button>
  );
}
