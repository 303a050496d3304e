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
  const { session: words } = useMessages();
  const theme = useStore(chosenTheme) ?? 'system';
  const state = useStore(session);
  useEffect(() => {
    if (theme === 'system') delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
  }, [theme]);
  return (
    <div className="mt-3 flex flex-wrap gap-2 md:mt-8 md:block md:space-y-2">
      <LanguageAndTheme />
      {state === 'signed-in' && (
        <button type="button" className="button" onClick={() => void signOut()}>
          {words.signOut}
        </button>
      )}
    </div>
  );
}

/** Both choices; `named` where their names are to be seen. */
export function LanguageAndTheme({ named = false }: { named?: boolean }): ReactNode {
  const { shell } = useMessages();
  const language = useLanguage();
  const theme = useStore(chosenTheme) ?? 'system';
  return (
    <>
      <Choice
        label={shell.language}
        named={named}
        value={language}
        options={LANGUAGES.map((one) => [one, shell.languages[one]])}
        onChoose={(value) => chosenLanguage.set(value)}
      />
      <Choice
        label={shell.theme}
        named={named}
        value={theme}
        options={THEMES.map((one) => [one, shell.themes[one]])}
        onChoose={(value) => chosenTheme.set(value === 'system' ? null : value)}
      />
    </>
  );
}

interface ChoiceProps {
  label: string;
  named: boolean;
  value: string;
  options: [string, string][];
  onChoose: (value: string) => void;
}

function Choice({ label, named, value, options, onChoose }: ChoiceProps): ReactNode {
  return (
    <label className="block text-[12.5px] text-muted">
      <span className={named ? 'mb-1 block text-[14px]' : 'sr-only'}>{label}</span>
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
