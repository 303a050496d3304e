// What the bad input is brought in with: repositories, commits pushed by Git, and questions to the server.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { token, url } from '../browser.ts';

export interface Server {
  url: string;
  token: string;
}

export const given: Server = { url, token };

/** Larger pushes than these scripts make are a mistake of theirs. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

export async function ask<T>(
  method: string,
  path: string,
  body?: object,
  server: Server = given,
): Promise<T> {
  const answer = await fetch(`${server.url}/api/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

/** A repository on the server with a working copy of it. */
export interface Copy {
  name: string;
  path: string;
  address: string;
}

export async function newRepository(name: string): Promise<Copy> {
  const made = await ask<{ clone_url: string }>('POST', '/repositories', { name });
  const address = made.clone_url.replace('://', `://owner:${token}@`);
  const path = mkdtempSync(join(tmpdir(), 'boucle-bad-input-'));
  const copy = { name, path, address };
  git(copy, 'init', '--quiet', '--initial-branch=main');
  git(copy, 'config', 'core.quotePath', 'false');
  return copy;
}

export function forget({ path }: Copy): void {
  rmSync(path, { recursive: true, force: true });
}

const IDENTITY = {
  GIT_AUTHOR_NAME: 'Ada',
  GIT_AUTHOR_EMAIL: 'ada@example.org',
  GIT_COMMITTER_NAME: 'Ada',
  GIT_COMMITTER_EMAIL: 'ada@example.org',
  GIT_TERMINAL_PROMPT: '0',
};

export function git({ path }: Copy, ...words: string[]): string {
  return execFileSync('git', words, {
    cwd: path,
    env: { ...process.env, ...IDENTITY },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: ANSWER_BYTES_MAX,
  }).trim();
}

export function write(copy: Copy, files: Record<string, string | Buffer>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(copy.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }
}

/** Commits what is in the working copy and pushes it to a branch. */
export function push(copy: Copy, message: string, branch = 'main'): void {
  git(copy, 'add', '--all');
  git(copy, 'commit', '--quiet', `--message=${message}`);
  git(copy, 'push', '--quiet', copy.address, `HEAD:refs/heads/${branch}`);
}

interface Change {
  files: Record<string, string | Buffer>;
  /** The commit's. */
  message?: string;
  title?: string;
  description?: string;
}

/** Pushes a branch `change` with these files and opens a pull request for it; gives its number. */
export async function propose(copy: Copy, change: Change): Promise<number> {
  const { files, message = 'Change', ...text } = change;
  git(copy, 'checkout', '--quiet', '-b', 'change');
  write(copy, files);
  push(copy, message, 'change');
  return open(copy, 'change', text);
}

/** Opens a pull request for a branch. */
export async function open(
  copy: Copy,
  head: string,
  text: { title?: string; description?: string } = {},
): Promise<number> {
  const path = `/repositories/${copy.name}/pull-requests`;
  const { number } = await ask<{ number: number }>('POST', path, { head, ...text });
  return number;
}
