// Whether this browser has a session, and the ways in and out. The cookie itself is out of reach for
// scripts.
import { languageInUse } from '../messages/language';
import type { components } from './api-types';
import { ProblemError, problemFrom } from './problem';
import { createStore } from './store';

/** `over`: it ended while somebody was at work. */
export type Session = 'unknown' | 'signed-in' | 'signed-out' | 'over';

export const session = createStore<Session>('unknown');

/** The server knows of no session: there was none, or it ended in the middle of something. */
export function missSession(): void {
  const before = session.get();
  session.set(before === 'signed-in' || before === 'over' ? 'over' : 'signed-out');
}

export interface SetUp {
  secret: string;
  name?: string;
  password?: string;
  passkey?: components['schemas']['NewPasskey'];
}

/** Exchanges the secret of a one-time link for a session, and an account when a name is given. */
export async function setUp(body: SetUp): Promise<void> {
  await send('POST', '/api/v1/session/setup', body);
  session.set('signed-in');
}

export async function signIn(name: string, password: string): Promise<void> {
  await send('POST', '/api/v1/session', { name, password });
  session.set('signed-in');
}

/** Whether anybody has a passkey here: else there is none to sign in with. */
export async function anyPasskeys(): Promise<boolean> {
  return (await send<{ passkeys: boolean }>('GET', '/api/v1/session')).passkeys;
}

export async function signOut(): Promise<void> {
  await send('DELETE', '/api/v1/session');
  session.set('signed-out');
  location.assign('/');
}

/** Asks without a word about the session: it is what these requests change. */
export async function send<T = void>(method: string, path: string, body?: object): Promise<T> {
  const headers = new Headers({ 'accept-language': languageInUse() });
  const request: RequestInit = { method, headers };
  if (body) {
    request.body = JSON.stringify(body);
    headers.set('content-type', 'application/json');
  }
  const answer = await fetch(path, request);
  if (answer.ok) return (answer.status === 204 ? undefined : await answer.json()) as T;
  const problem: unknown = await answer.json().catch(() => null);
  throw new ProblemError(problemFrom(answer.status, problem));
}

/** The secret in what a person pasted: the whole link or the part behind `#`. */
export function secretIn(pasted: string): string {
  return pasted.trim().split('#').at(-1)?.trim() ?? '';
}
