// What changed since a review: from which patch set.
import { expect, test } from 'vitest';
import { lastReviewed } from './since';

const review = (reviewer: string, patch_set: number) => ({
  reviewer,
  patch_set,
  verdict: 'comment',
  body: '',
  current: false,
  at: '',
});

test('the newest patch set that one reviewed counts, once there is a newer one', () => {
  const reviews = [review('person:ada', 1), review('person:bo', 3), review('person:ada', 2)];
  expect(lastReviewed({ patch_set: 3, reviews }, 'person:ada')).toBe(2);
  expect(lastReviewed({ patch_set: 3, reviews }, 'person:bo')).toBeUndefined();
  expect(lastReviewed({ patch_set: 3, reviews }, 'person:cy')).toBeUndefined();
  expect(lastReviewed({ patch_set: 3, reviews }, null)).toBeUndefined();
});
