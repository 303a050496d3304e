// What was read of a log so far; it grows while somebody writes.
import { useEffect, useState } from 'react';
import { type LogSource, readLog } from '../data/log';
import { Lines } from './lines';

export interface ReadLog {
  /** They grow in place: what says that there are more is that this holder is a new one. */
  lines: Lines;
  error: unknown;
}

/** The source is the same object as long as it is the same log. */
export function useLog(source: LogSource): ReadLog {
  const [read, setRead] = useState<ReadLog>(() => ({ lines: new Lines(), error: null }));
  useEffect(() => {
    const stop = new AbortController();
    const lines = new Lines();
    setRead({ lines, error: null });
    const add = (text: string): void => {
      lines.append(text);
      setRead({ lines, error: null });
    };
    readLog(source, stop.signal, add).catch((error: unknown) => {
      if (!stop.signal.aborted) setRead({ lines, error });
    });
    return () => stop.abort();
  }, [source]);
  return read;
}
