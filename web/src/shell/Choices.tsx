// Language and theme, remembered by the browser; and the way out.
import { type ReactNode, useEffect } from 'react';
import { remembered } from '../data/remembered';
import { session, signOut } from '../data/session';
import { useStore } from '../data/store';
import { chosenLanguage, LANGUAGES } from '../messages/language';
import { useLanguage, useMessages } from '../messages/Messages';

const chosenTheme = remembered('theme');
const THEMES = ['system', 'light', 'dark'] as const;

export function Choices(): ReactNode {
  const { shell, session: words } = useMessages();
  const language = useLanguage();
  const theme = useStore(chosenTheme) ?? 'system';
  const state = useStore(session);
  useEffect(() => {
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }, [theme]);
  return (
    <div className="mt-3 flex flex-wrap gap-2 md:mt-8 md:block md:space-y-2">
      <Choice
        label={shell.language}
        value={language}
        options={LANGUAGES.map((one) => [one, shell.languages[one]])}
        onChoose={(value) => chosenLanguage.set(value)}
      />
      <Choice
        label={shell.theme}
        value={theme}
        options={THEMES.map((one) => [one, shell.themes[one]])}
        onChoose={(value) => chosenTheme.set(value === 'system' ? null : value)}
      />
      {state === 'signed-in' && (
        <button type="button" className="button" onClick={() => void signOut()}>
          {words.signOut}
        </button>
      )}
    </div>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  options: [string, string][];
  onChoose: (value: string) => void;
}

function Choice({ label, value, options, onChoose }: ChoiceProps): ReactNode {
  return (
    <label className="block text-[12.5px] text-muted">
      <span className="sr-only">{label}</span>
      <select
        className="field"
        value={value}
        onChange={(event) => onChoose(event.currentTarget.value)}
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
