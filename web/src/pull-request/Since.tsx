// Which patch set the difference is counted from: the base, the one that I reviewed, or another.
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import type { PullRequest } from '../data/client';
import { SelectField } from '../design/SelectField';
import { useScreens } from '../messages/Messages';
import { sessionQuery } from './queries';
import { lastReviewed } from './since';

interface SinceProps {
  one: PullRequest;
  /** Absent: from the base. */
  since: number | undefined;
  onSince: (since: number | undefined) => void;
}

export function Since({ one, since, onSince }: SinceProps): ReactNode {
  const { review } = useScreens();
  const me = useQuery(sessionQuery).data?.actor;
  const mine = lastReviewed(one, me);
  const earlier = one.patch_sets.filter(({ number }) => number < one.patch_set);
  if (earlier.length === 0) return null;
  const options = earlier
    .map(({ number }): [string, string] => [
      String(number),
      number === mine ? review.sinceMine(number) : review.since(number),
    ])
    .reverse();
  return (
    <SelectField
      label={review.compare}
      unseen
      value={since === undefined ? '' : String(since)}
      options={[['', review.sinceBase], ...options]}
      onChange={(value) => onSince(value === '' ? undefined : Number(value))}
    />
  );
}
