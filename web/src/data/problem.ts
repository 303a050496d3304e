// Why a request was not done, as the server says it (RFC 9457) or as the network leaves it.
import type { components } from './api-types';

export type Reason = components['schemas']['Reason'];

export interface Problem {
  /** The stable code; `unreachable` when no answer came. */
  code: string;
  status: number;
  title: string;
  detail: string;
  next?: string;
  reasons: Reason[];
}

export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(`${problem.code}: ${problem.detail}`);
    this.name = 'ProblemError';
    this.problem = problem;
  }
}

export function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  if (error instanceof TypeError) return local('unreachable', 0, error.message);
  return local('internal', 0, error instanceof Error ? error.message : String(error));
}

/** The problem in an answer that is not a success; proxies may answer without a document. */
export function problemFrom(status: number, body: unknown): Problem {
  if (typeof body !== 'object' || body === null || !('code' in body)) {
    return local(status >= 502 && status <= 504 ? 'unreachable' : 'internal', status, '');
  }
  const given = body as Partial<Problem> & { code: string };
  return {
    code: given.code,
    status,
    title: given.title ?? '',
    detail: given.detail ?? '',
    reasons: given.reasons ?? [],
    ...(given.next ? { next: given.next } : {}),
  };
}

/** What the page itself found, with words of its own. */
export function ownProblem(code: string, detail = ''): ProblemError {
  const error = new ProblemError(local(code, 0, ''));
  error.cause = detail;
  return error;
}

function local(code: string, status: number, detail: string): Problem {
  return { code, status, title: '', detail, reasons: [] };
}
