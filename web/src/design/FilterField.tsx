// A field that narrows what is shown below it; `/` leads to it.
import type { ReactNode } from 'react';

interface FilterFieldProps {
  /** What is narrowed, for those who see it and those who hear it. */
  label: string;
  value: string;
  onChange: (text: string) => void;
  width?: string;
}

export function FilterField({ label, value, onChange, width = '' }: FilterFieldProps): ReactNode {
  return (
    <input
      className={`field ${width}`}
      type="search"
      data-filter
      aria-label={label}
      placeholder={label}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
