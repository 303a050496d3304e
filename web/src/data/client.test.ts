// The language that requests ask for.
import { afterEach, expect, test, vi } from 'vitest';
import { chosenLanguage } from '../messages/language';
import { client } from './client';
import { signIn } from './session';

afterEach(() => {
  chosenLanguage.set(null);
  vi.unstubAllGlobals();
});

test.each(['en', 'fr'])('the server is asked in the language of the page: %s', async (language) => {
  chosenLanguage.set(language);
  const asked: (string | null)[] = [];
  vi.stubGlobal('fetch', (input: Request | string, init?: RequestInit) => {
    const headers = input instanceof Request ? input.headers : new Headers(init?.headers);
    asked.push(headers.get('accept-language'));
    return Promise.resolve(new Response('{}', { status: 200 }));
  });
  await client.GET('/api/v1/status', { baseUrl: 'http://127.0.0.1' });
  await signIn('ada', 'secret');
  expect(asked).toEqual([language, language]);
});
