// Asks the stored metrics on Prometheus' paths, which the typed client does not know.
import { keepPreviousData, queryOptions } from '@tanstack/react-query';
import { answerOf, client } from '../data/client';
import { ProblemError, problemFrom } from '../data/problem';
import { missSession } from '../data/session';
import type { Matrix } from './read';
import { boundsOf, type Span } from './span';

interface Envelope {
  status: string;
  data?: unknown;
  errorType?: string;
  error?: string;
}

/** New samples arrive without facts. */
const FOLLOW_MS = 5000;
const NAMES_FRESH_MS = 30_000;
const FACTS_MAX = 200;
/** A refusal ends with its code in brackets. */
const CODE = /^(.*?)\s*\[([a-z-]+)\]$/s;

async function ask(path: string, query: URLSearchParams, signal: AbortSignal): Promise<unknown> {
  const response = await fetch(`/prometheus/api/v1/${path}?${query}`, { signal });
  const body = (await response.json().catch(() => null)) as Envelope | null;
  if (response.ok && body?.status === 'success') return body.data;
  if (response.status === 401) missSession();
  throw new ProblemError(problemFrom(response.status, problemIn(body)));
}

/** What Prometheus calls an error, in the shape of every other refusal. */
export function problemIn(body: unknown): unknown {
  if (typeof body !== 'object' || body === null || !('errorType' in body)) return body;
  const { error = '', errorType = '' } = body as Envelope;
  const [, sentence, code] = CODE.exec(error) ?? [];
  return { code: code ?? errorType, detail: sentence ?? error };
}

export function namesQuery(label: string, metric: string) {
  const query = new URLSearchParams(metric ? { 'match[]': metric } : {});
  return queryOptions({
    queryKey: ['metrics', 'values', label, metric],
    staleTime: NAMES_FRESH_MS,
    retry: false,
    queryFn: async ({ signal }) =>
      (await ask(`label/${encodeURIComponent(label)}/values`, query, signal)) as string[],
  });
}

export function labelsQuery(metric: string) {
  const query = new URLSearchParams(metric ? { 'match[]': metric } : {});
  return queryOptions({
    queryKey: ['metrics', 'labels', metric],
    staleTime: NAMES_FRESH_MS,
    retry: false,
    queryFn: async ({ signal }) => (await ask('labels', query, signal)) as string[],
  });
}

export interface Drawn {
  matrix: Matrix;
  bounds: [number, number];
  step: number;
}

export function rangeQuery(query: string, span: Span) {
  return queryOptions({
    queryKey: ['metrics', 'range', query, span],
    enabled: query.trim() !== '',
    retry: false,
    refetchInterval: span.until === null ? Math.max(FOLLOW_MS, span.step * 1000) : false,
    // The chart stays until the next one is there.
    placeholderData: keepPreviousData,
    queryFn: async ({ signal }): Promise<Drawn> => {
      const bounds = boundsOf(span, Date.now() / 1000);
      const asked = new URLSearchParams({
        query,
        start: String(bounds[0]),
        end: String(bounds[1]),
        step: String(span.step),
      });
      const matrix = (await ask('query_range', asked, signal)) as Matrix;
      return { matrix, bounds, step: span.step };
    },
  });
}

/** The deployments of the span, of one application or of all. */
export function deploymentsInQuery(span: Span, application: string | null) {
  return queryOptions({
    queryKey: ['facts', 'deployments', span.range, span.until, application],
    refetchInterval: span.until === null ? FOLLOW_MS : false,
    queryFn: async ({ signal }) => {
      const until = span.until ?? Date.now() / 1000;
      const query = {
        kind: 'deployments.applied',
        since: new Date((until - span.seconds - span.step) * 1000).toISOString(),
        until: new Date((until + span.step) * 1000).toISOString(),
        limit: FACTS_MAX,
        ...(application === null ? {} : { subject: `application:${application}` }),
      };
      const page = await answerOf(client.GET('/api/v1/facts', { params: { query }, signal }));
      return page.items;
    },
  });
}

/** Budgets are used up without facts. */
export const objectivesQuery = queryOptions({
  queryKey: ['objectives'],
  refetchInterval: FOLLOW_MS,
  queryFn: ({ signal }) =>
    answerOf(client.GET('/api/v1/objectives', { params: { query: { limit: 500 } }, signal })),
});
