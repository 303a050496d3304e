// What changed since a review: which patch set somebody has seen last.
import type { PullRequest } from '../data/client';

/** The newest patch set that somebody reviewed, when there is a newer one by now. */
export function lastReviewed(
  one: Pick<PullRequest, 'patch_set' | 'reviews'>,
  reviewer: string | null | undefined,
): number | undefined {
  const seen = one.reviews
    .filter((review) => review.reviewer === reviewer)
    .map(({ patch_set }) => patch_set);
  const last = Math.max(0, ...seen);
  return last > 0 && last < one.patch_set ? last : undefined;
}
