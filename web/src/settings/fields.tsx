// What the lists and forms of the settings share.
import { type ReactNode, useId } from 'react';
import type { components } from '../data/api-types';
import { SelectField } from '../design/SelectField';
import { useSettingsWords } from '../messages/Messages';

export type Role = components['schemas']['TokenRole'];
const ROLES: Role[] = ['read', 'write', 'admin'];

/** A line of a list: columns where there is room, one after the other where there is none. */
export const ROW =
  'flex flex-wrap items-center gap-x-4 gap-y-1 border-b border-line py-2 xl:grid xl:justify-items-start';

interface TextProps {
  label: string;
  value: string;
  hint?: string;
  type?: string;
  onChange: (value: string) => void;
}

export function TextField({ label, value, hint, type = 'text', onChange }: TextProps): ReactNode {
  const id = useId();
  return (
    <label className="grid gap-1">
      <span className="text-muted">{label}</span>
      <input
        className="field"
        type={type}
        autoComplete="off"
        required
        {...(type === 'number' ? { min: 1 } : {})}
        aria-describedby={hint ? id : undefined}
        value={value}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
      {hint && (
        <span id={id} className="text-[12.5px] text-muted">
          {hint}
        </span>
      )}
    </label>
  );
}

export function RoleField({
  value,
  onChange,
}: {
  value: Role;
  onChange: (role: Role) => void;
}): ReactNode {
  const { role, roles } = useSettingsWords();
  return (
    <SelectField
      label={role}
      value={value}
      options={ROLES.map((one) => [one, roles[one]])}
      onChange={(next) => onChange(ROLES.find((one) => one === next) ?? 'read')}
    />
  );
}
