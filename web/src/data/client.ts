// The one way to the public interface: typed requests, refusals as errors, the session kept in view.
import createClient from 'openapi-fetch';
import { languageInUse } from '../messages/language';
import type { components, paths } from './api-types';
import { ProblemError, problemFrom } from './problem';
import { missSession, session } from './session';

type Schemas = components['schemas'];
export type Application = Schemas['Application'];
export type Environment = Schemas['Environment'];
export type Fact = Schemas['Fact'];
export type Incident = Schemas['Incident'];
export type PullRequest = Schemas['PullRequest'];
export type Run = Schemas['Run'];
export type Job = Schemas['Job'];
export type Status = Schemas['Status'];

export interface Page<T> {
  items: T[];
  next_cursor?: string | null;
}

export const client = createClient<paths>({
  fetch: (request: Request) => {
    // What the server says is in the language of the page, which may not be the browser's.
    request.headers.set('accept-language', languageInUse());
    return fetch(request);
  },
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** What the server answered; a refusal is thrown as a `ProblemError`. */
export async function answerOf<T>(asked: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await asked;
  if (response.ok) {
    session.set('signed-in');
    return data as T;
  }
  if (response.status === 401) missSession();
  throw new ProblemError(problemFrom(response.status, error));
}
