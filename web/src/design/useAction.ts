// Something that changes: whether it is under way, and why it failed.
import { useState } from 'react';

export interface Action {
  busy: boolean;
  error: unknown;
  run: (act: () => Promise<unknown>) => void;
}

export function useAction(done?: () => void): Action {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const run = (act: () => Promise<unknown>): void => {
    setBusy(true);
    setError(null);
    act()
      .then(() => done?.(), setError)
      .finally(() => setBusy(false));
  };
  return { busy, error, run };
}
