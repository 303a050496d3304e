// A size in the reader's own notation: `621 bytes`, `34 kB`.
import type { ReactNode } from 'react';
import { useLocale } from '../messages/Messages';

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const;
const STEP = 1000;

/** The largest unit of which there is one at least, and how many. */
export function sizeOf(bytes: number): { value: number; unit: (typeof UNITS)[number] } {
  let value = bytes;
  let step = 0;
  while (value >= STEP && step < UNITS.length - 1) {
    value /= STEP;
    step++;
  }
  return { value, unit: UNITS[step] ?? 'byte' };
}

export function Size({ bytes }: { bytes: number }): ReactNode {
  const locale = useLocale();
  const { value, unit } = sizeOf(bytes);
  // The short word for bytes knows no plural.
  const unitDisplay = unit === 'byte' ? 'long' : 'short';
  const format = { style: 'unit', unit, unitDisplay, maximumFractionDigits: 1 } as const;
  return new Intl.NumberFormat(locale, format).format(value);
}
