// The same thing as a command, where there is one, or a request, to take into a terminal.
import { type ReactNode, useState } from 'react';
import { useMessages } from '../messages/Messages';

const TOLD_MS = 1500;

export function CopyAs({ command, path }: { command?: string; path: string }): ReactNode {
  const { copy } = useMessages();
  const [copied, setCopied] = useState('');
  const take = (name: string, text: string) => (): void => {
    void navigator.clipboard?.writeText(text).then(() => {
      setCopied(name);
      setTimeout(() => setCopied(''), TOLD_MS);
    });
  };
  const curl = `curl -H "Authorization: Bearer $BOUCLE_TOKEN" ${location.origin}/api/v1${path}`;
  return (
    <span className="inline-flex items-center gap-1 text-muted">
      <span className="sr-only">{copy.title}</span>
      {command && (
        <button type="button" className="button" title={command} onClick={take('cli', command)}>
          {copied === 'cli' ? copy.copied : copy.cli}
        </button>
      )}
      <button type="button" className="button" title={curl} onClick={take('curl', curl)}>
        {copied === 'curl' ? copy.copied : copy.curl}
      </button>
    </span>
  );
}
