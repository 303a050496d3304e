// Tabs whose choice is in the address.
import type { ReactNode } from 'react';

interface TabsProps<K extends string> {
  label: string;
  names: Record<K, string>;
  chosen: K;
  onChoose: (key: K) => void;
}

export function Tabs<K extends string>({
  label,
  names,
  chosen,
  onChoose,
}: TabsProps<K>): ReactNode {
  return (
    <nav aria-label={label} className="mt-4 flex flex-wrap gap-1 border-b border-line">
      {(Object.entries(names) as [K, string][]).map(([key, name]) => (
        <button
          key={key}
          type="button"
          aria-current={key === chosen ? 'page' : undefined}
          onClick={() => onChoose(key)}
          className={`min-h-8 cursor-pointer px-3 ${
            key === chosen
              ? 'border-b-2 border-accent font-semibold text-ink'
              : 'text-muted hover:text-ink'
          }`}
        >
          {name}
        </button>
      ))}
    </nav>
  );
}
