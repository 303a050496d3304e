// A choice among few things, with its name above it or for those who do not see it only.
import type { ReactNode } from 'react';

interface SelectFieldProps {
  label: string;
  value: string;
  /** What is chosen and how it is called, in the order of the list. */
  options: [string, string][];
  onChange: (value: string) => void;
  /** Whether the name is for readers of the page aloud only. */
  unseen?: boolean;
}

export function SelectField({
  label,
  value,
  options,
  onChange,
  unseen = false,
}: SelectFieldProps): ReactNode {
  return (
    <label className="grid min-w-0 grid-cols-[minmax(0,auto)] justify-start gap-1 text-muted">
      <span className={unseen ? 'sr-only' : undefined}>{label}</span>
      <select
        className="field max-w-full"
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      >
        {options.map(([key, name]) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
