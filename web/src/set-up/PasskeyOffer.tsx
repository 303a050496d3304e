// A button for a passkey; where none can work, one sentence that says why and what to do.
import type { ReactNode } from 'react';
import { addressByName, reach } from '../data/passkeys';
import { usePasskeyWords } from '../messages/Messages';

interface OfferProps {
  text: string;
  busy: boolean;
  onPress: () => void;
  /** What is said before the button. */
  before?: string;
}

export function PasskeyOffer({ text, busy, onPress, before }: OfferProps): ReactNode {
  const words = usePasskeyWords();
  const where = reach();
  if (where === 'never') return <p className="text-muted">{words.unsupported}</p>;
  if (where === 'by-name')
    return (
      <p className="text-muted">
        {words.needName} <a href={addressByName(location.href)}>{words.openByName}</a>
      </p>
    );
  return (
    <>
      {before && <p className="text-muted">{before}</p>}
      <button type="button" className="button justify-self-start" disabled={busy} onClick={onPress}>
        {text}
      </button>
    </>
  );
}
