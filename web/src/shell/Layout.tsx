// What stands around every screen: the sections, the connection, the choices, the way in.
import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useLocation } from '@tanstack/react-router';
import { lazy, type ReactNode, Suspense } from 'react';
import { statusQuery } from '../data/queries';
import { session } from '../data/session';
import { useStore } from '../data/store';
import { connection } from '../data/stream/live';
import { Loading } from '../design/Answer';
import { useMessages } from '../messages/Messages';
import { Boundary } from './Boundary';
import { Choices } from './Choices';
import { overlay, useKeys } from './keys';
import { SECTIONS, sectionOf } from './sections';

const Palette = lazy(() => import('./Palette'));
const KeysHelp = lazy(() => import('./KeysHelp'));
const SignIn = lazy(() => import('../set-up/SignIn'));

export function Layout(): ReactNode {
  const { shell } = useMessages();
  const state = useStore(session);
  const shown = useStore(overlay);
  const { pathname } = useLocation();
  useKeys();
  const signedOut = (state === 'signed-out' || state === 'over') && pathname !== '/setup';
  return (
    <>
      <a href="#content" className="sr-only focus:not-sr-only">
        {shell.skip}
      </a>
      <div className="mx-auto max-w-[1440px] md:grid md:grid-cols-[190px_minmax(0,1fr)]">
        <Sidebar />
        <main id="content" className="min-w-0 px-4 py-4 md:px-8 md:py-6">
          <Away />
          <Boundary key={pathname}>
            <Suspense fallback={<Loading />}>{signedOut ? <SignIn /> : <Outlet />}</Suspense>
          </Boundary>
        </main>
      </div>
      <Suspense>
        {shown === 'palette' && <Palette />}
        {shown === 'keys' && <KeysHelp />}
      </Suspense>
    </>
  );
}

function Sidebar(): ReactNode {
  const { shell, sections } = useMessages();
  const { pathname } = useLocation();
  const current = sectionOf(pathname);
  return (
    <header className="border-b border-line px-4 py-3 md:min-h-dvh md:border-e md:border-b-0 md:py-6">
      <div className="flex flex-wrap items-center gap-3 md:block">
        <Link
          to="/"
          className="flex items-center gap-2 text-[16px] font-bold text-ink no-underline"
        >
          <Mark />
          {shell.name}
        </Link>
        <Connection />
        <button
          type="button"
          className="button ms-auto md:mt-3 md:w-full"
          onClick={() => overlay.set('palette')}
        >
          {shell.search} <kbd className="ms-auto text-muted">⌘K</kbd>
        </button>
      </div>
      <nav aria-label={shell.sections} className="mt-3 md:mt-5">
        <ul className="flex flex-wrap gap-x-3 gap-y-1 md:block md:space-y-1">
          {SECTIONS.map(({ to, name }) => (
            <li key={to}>
              <Link
                to={to}
                // The router knows only which address begins with which.
                activeOptions={{ exact: true }}
                aria-current={to === current ? 'page' : undefined}
                className={`inline-block min-h-6 py-0.5 no-underline hover:text-ink md:block ${
                  to === current ? 'font-semibold text-ink' : 'text-muted'
                }`}
              >
                {sections[name]}
              </Link>
            </li>
          ))}
        </ul>
      </nav>
      <Choices />
    </header>
  );
}

/** The sign: a loop that comes back to where it began. */
function Mark(): ReactNode {
  return (
    <svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true" className="text-accent">
      <path
        d="M14.5 5.5A6.5 6.5 0 1 0 15.5 9M15.5 3v3.5H12"
        fill="none"
        stroke="currentColor"
        strokeWidth="2"
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}

function Connection(): ReactNode {
  const { connection: words } = useMessages();
  const state = useStore(connection);
  // The stream begins where the first answer ends, on whatever screen one comes in.
  useQuery(statusQuery);
  const tone = state === 'live' ? 'text-good' : state === 'away' ? 'text-bad' : 'text-muted';
  return (
    <p role="status" className={`text-[12.5px] ${tone}`}>
      <span aria-hidden="true">{state === 'live' ? '●' : '○'}</span> {words[state]}
    </p>
  );
}

function Away(): ReactNode {
  const { connection: words } = useMessages();
  const state = useStore(connection);
  if (state !== 'away') return null;
  return (
    <p role="alert" className="mb-4 border-s-4 border-wait bg-wait-ground px-4 py-2 text-wait">
      {words.awayNotice}
    </p>
  );
}
