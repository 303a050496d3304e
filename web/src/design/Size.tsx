// A size in the reader's own notation: `621 byte`, `34 kB`.
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
  const format = { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: 1 } as const;
  return new Intl.NumberFormat(locale, format).format(value);
}
