// Passkeys: whether they work where the page was opened, and the ways to make one and to use one.
import type { components } from './api-types';
import { ownProblem } from './problem';
import { send, session } from './session';

/** `by-name`: not under an address of numbers, which browsers tie no passkey to. */
export type Reach = 'here' | 'by-name' | 'never';

/** What the server asks the browser's passkeys, once. */
type Challenge = components['schemas']['PasskeyChallenge'];
/** A passkey's answer, as the server reads it. */
export type Answered = components['schemas']['PasskeySignIn'];

/** What the browser calls a refusal of its own, and what it is called here. */
const REFUSALS: Record<string, string> = {
  NotAllowedError: 'passkey-cancelled',
  AbortError: 'passkey-cancelled',
  InvalidStateError: 'passkey-known',
  NotSupportedError: 'passkey-unsupported',
  ConstraintError: 'passkey-unsupported',
  SecurityError: 'passkey-needs-name',
};

const NUMBERS = /^(\d+\.){3}\d+$|^\[.*\]$/;

export function reachAt(hostname: string, canParse: boolean): Reach {
  if (NUMBERS.test(hostname)) return 'by-name';
  return canParse ? 'here' : 'never';
}

export function reach(): Reach {
  const known = 'PublicKeyCredential' in globalThis;
  const canParse = known && 'parseCreationOptionsFromJSON' in PublicKeyCredential;
  return reachAt(location.hostname, canParse);
}

/** The same page under the name of this machine, with the secret behind its `#`. */
export function addressByName(address: string): string {
  const url = new URL(address);
  url.hostname = 'localhost';
  return url.href;
}

/** Makes a passkey for what the server asks. */
export async function makePasskey(ask: () => Promise<Challenge>): Promise<Answered> {
  const { challenge, options } = await ask();
  return byBrowser(challenge, async () =>
    navigator.credentials.create({
      publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(
        options as unknown as PublicKeyCredentialCreationOptionsJSON,
      ),
    }),
  );
}

/** What a one-time link lets its holder make a passkey for. */
export function askForLink(secret: string, name: string): Promise<Challenge> {
  return send('POST', '/api/v1/session/setup/passkey-challenge', { secret, name });
}

/** Signs in with whichever passkey of this server the person chooses. */
export async function signInByPasskey(): Promise<void> {
  const asked = await send<Challenge>('POST', '/api/v1/session/passkey/challenge');
  const answered = await byBrowser(asked.challenge, async () =>
    navigator.credentials.get({
      publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(
        asked.options as unknown as PublicKeyCredentialRequestOptionsJSON,
      ),
    }),
  );
  await send('POST', '/api/v1/session/passkey', answered);
  session.set('signed-in');
}

async function byBrowser(
  challenge: string,
  act: () => Promise<Credential | null>,
): Promise<Answered> {
  const credential = await act().catch((error: unknown) => {
    const name = error instanceof Error || error instanceof DOMException ? error.name : '';
    throw ownProblem(REFUSALS[name] ?? 'passkey-failed', String(error));
  });
  if (!credential) throw ownProblem('passkey-cancelled');
  const made = credential as PublicKeyCredential;
  return { challenge, credential: made.toJSON() as Answered['credential'] };
}

const BROWSERS: [RegExp, string][] = [
  [/Edg\//, 'Edge'],
  [/Firefox\//, 'Firefox'],
  [/Chrom(e|ium)\//, 'Chrome'],
  [/Safari\//, 'Safari'],
];
const SYSTEMS: [RegExp, string][] = [
  [/iPhone|iPad/, 'iOS'],
  [/Android/, 'Android'],
  [/Windows/, 'Windows'],
  [/Mac OS/, 'macOS'],
  [/Linux/, 'Linux'],
];

interface DeviceWords {
  device: string;
  on: (browser: string, system: string) => string;
}

/** What a new passkey is called until its owner calls it something else. */
export function deviceLabel(agent: string, words: DeviceWords): string {
  const named = (known: [RegExp, string][]): string | undefined =>
    known.find(([pattern]) => pattern.test(agent))?.[1];
  const [browser, system] = [named(BROWSERS), named(SYSTEMS)];
  return browser && system ? words.on(browser, system) : words.device;
}
