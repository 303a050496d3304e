// Text that somebody gave, such as a title or a name: it keeps to its place, whatever it is written in.
import type { ReactNode } from 'react';
import { seen } from './seen';

/** Writing from right to left orders its own words and not those around it. */
export function Given({ text }: { text: string }): ReactNode {
  return <bdi>{seen(text)}</bdi>;
}
