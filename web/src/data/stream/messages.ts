// What the holder of the stream and the tabs say to each other.
import type { Fact } from '../client';

/** `away`: no answer, trying again. `refused`: the session is over. */
export type Connection = 'connecting' | 'live' | 'away' | 'refused';

export type FromStream =
  | { type: 'connection'; connection: Connection }
  | { type: 'fact'; fact: Fact };

export type FromTab =
  /** The answers of this tab are at least as new as this fact. */
  | { type: 'begin'; after: number }
  /** The tab closes. */
  | { type: 'end' };

export const STREAM_NAME = 'boucle-stream';
