// Language and theme, remembered by the browser; and the way out.
import { type ReactNode, useEffect } from 'react';
import { remembered } from '../data/remembered';
import { session, signOut } from '../data/session';
import { useStore } from '../data/store';
import { SelectField } from '../design/SelectField';
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
      {/* On a narrow screen they are in the settings, once there is a way there. */}
      <div
        className={`${state === 'signed-in' ? 'hidden' : 'flex'} flex-wrap gap-2 md:block md:space-y-2`}
      >
        <LanguageAndTheme />
      </div>
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
      <SelectField
        label={shell.language}
        unseen={!named}
        value={language}
        options={LANGUAGES.map((one) => [one, shell.languages[one]])}
        onChange={(value) => chosenLanguage.set(value)}
      />
      <SelectField
        label={shell.theme}
        unseen={!named}
        value={theme}
        options={THEMES.map((one) => [one, shell.themes[one]])}
        onChange={(value) => chosenTheme.set(value === 'system' ? null : value)}
      />
    </>
  );
}
