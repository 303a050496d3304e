// A few ways to show the same thing, one of them chosen; the choice is in the address.
import type { ReactNode } from 'react';

interface ToggleProps<K extends string> {
  label: string;
  names: Record<K, string>;
  chosen: K;
  onChoose: (key: K) => void;
}

export function Toggle<K extends string>({
  label,
  names,
  chosen,
  onChoose,
}: ToggleProps<K>): ReactNode {
  return (
    <fieldset className="inline-flex gap-1">
      <legend className="sr-only">{label}</legend>
      {(Object.entries(names) as [K, string][]).map(([key, name]) => (
        <button
          key={key}
          type="button"
          aria-pressed={key === chosen}
          className={`button ${key === chosen ? 'button-first' : ''}`}
          onClick={() => onChoose(key)}
        >
          {name}
        </button>
      ))}
    </fieldset>
  );
}
