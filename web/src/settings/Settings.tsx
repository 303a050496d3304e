// What can be set: in Git by pull requests, people and tokens here, the look in this browser.
import { getRouteApi } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { CopyAs } from '../design/CopyAs';
import { Tabs } from '../design/Tabs';
import { useSettingsWords } from '../messages/Messages';
import { LanguageAndTheme } from '../shell/Choices';
import { InGit } from './InGit';
import { Keys } from './Keys';
import { Notifications } from './Notifications';
import { Passkeys } from './Passkeys';
import { People } from './People';
import { Places } from './Places';
import { Secrets } from './Secrets';
import { Server } from './Server';
import { Tokens } from './Tokens';

const route = getRouteApi('/settings');
const TABS = [
  'git',
  'secrets',
  'notifications',
  'people',
  'tokens',
  'keys',
  'places',
  'server',
  'browser',
] as const;
const COPIES = {
  git: { command: 'boucle repo list', path: '/repositories' },
  // These two are of the chosen repository and name it.
  secrets: null,
  notifications: null,
  people: { path: '/people' },
  tokens: { command: 'boucle token list', path: '/tokens' },
  keys: { command: 'boucle audit verify', path: '/facts/checkpoint' },
  places: { path: '/runners' },
  server: { command: 'boucle doctor', path: '/diagnosis' },
  browser: null,
};

export function Settings(): ReactNode {
  const words = useSettingsWords();
  const { tab } = route.useSearch();
  const navigate = route.useNavigate();
  const chosen = TABS.find((known) => known === tab) ?? 'git';
  const copy = COPIES[chosen];
  return (
    <>
      <div className="flex flex-wrap items-baseline justify-between gap-3">
        <h1>{words.title}</h1>
        {copy && <CopyAs key={chosen} {...copy} />}
      </div>
      <Tabs
        label={words.title}
        names={words.tabs}
        chosen={chosen}
        onChoose={(key) =>
          void navigate({
            search: ({ repository }) => ({ tab: key, ...(repository ? { repository } : {}) }),
          })
        }
      />
      {chosen === 'git' && <InGit />}
      {chosen === 'secrets' && <Secrets />}
      {chosen === 'notifications' && <Notifications />}
      {chosen === 'people' && <Passkeys />}
      {chosen === 'people' && <People />}
      {chosen === 'tokens' && <Tokens />}
      {chosen === 'keys' && <Keys />}
      {chosen === 'places' && <Places />}
      {chosen === 'server' && <Server />}
      {chosen === 'browser' && <Browser />}
    </>
  );
}

function Browser(): ReactNode {
  const { browser } = useSettingsWords();
  return (
    <>
      <p className="mt-4 text-muted">{browser.explain}</p>
      <div className="mt-3 flex flex-wrap gap-4">
        <LanguageAndTheme named />
      </div>
    </>
  );
}
