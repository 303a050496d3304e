// Sizes: the unit of which there is one at least.
import { expect, test } from 'vitest';
import { sizeOf } from './Size';

test('a size has the largest unit that fits', () => {
  expect(sizeOf(0)).toEqual({ value: 0, unit: 'byte' });
  expect(sizeOf(999)).toEqual({ value: 999, unit: 'byte' });
  expect(sizeOf(1500)).toEqual({ value: 1.5, unit: 'kilobyte' });
  expect(sizeOf(2_000_000)).toEqual({ value: 2, unit: 'megabyte' });
});
