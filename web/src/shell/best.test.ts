// Few names all stay; of many the best fitting ones do.
import { expect, test } from 'vitest';
import { best } from './best';

const names = (count: number): string[] => Array.from({ length: count }, (_, n) => `many-${n}`);
const same = (name: string): string => name;

test('few are all there, whatever was written', () => {
  expect(best(names(50), same, 'other')).toHaveLength(50);
});

test('of many the best fitting come first, and what does not fit is left out', () => {
  const found = best(names(10_000), same, 'many-4242');
  expect(found[0]).toBe('many-4242');
  expect(found.length).toBeLessThanOrEqual(50);
  expect(best(names(10_000), same, 'zebra')).toEqual([]);
  expect(best(names(10_000), same, '')).toHaveLength(50);
});
