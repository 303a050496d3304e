// What the flows find on the server: a person who may join, and a change whose test fails.
import { token, url } from './browser.ts';

export const PATH = 'src/greeting.rs';

export interface Prepared {
  /** The way in: the path and secret of a one-time link. */
  way: string;
  name: string;
  password: string;
  /** The pull request that somebody else opened. */
  number: number;
  /** The line that it changes. */
  line: number;
}

export async function prepare(name: string): Promise<Prepared> {
  const { link } = await ask<{ link: string }>('POST', '/people', { name, role: 'admin' });
  const { pathname, hash } = new URL(link);
  const repository = '/repositories/demo/hello';
  const file = await ask<{ text: string; object: string }>(
    'GET',
    `${repository}/file?path=${PATH}`,
  );
  const text = file.text.replace('format!("Hello', 'format!("Good day');
  if (text === file.text) throw new Error(`${PATH} does not greet as the demonstration does`);
  const edits = [{ path: PATH, text, expected_object: file.object }];
  const title = `Greet for ${name}`;
  const { number } = await ask<{ number: number }>('POST', `${repository}/edits`, { title, edits });
  const line = text.split('\n').findIndex((one) => one.includes('format!("Good day')) + 1;
  return { way: pathname + hash, name, password: `${name} has a password`, number, line };
}

async function ask<T>(method: string, path: string, body?: object): Promise<T> {
  const answer = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** What the server says to a change that another site asks for with somebody's session. */
export async function foreignAnswer(session: string): Promise<number> {
  const answer = await fetch(`${url}/api/v1/runs/1/rerun`, {
    method: 'POST',
    headers: {
      cookie: `boucle_session=${session}`,
      origin: 'http://elsewhere.example',
      'content-type': 'application/json',
    },
    body: JSON.stringify({ failed_only: false }),
  });
  return answer.status;
}
