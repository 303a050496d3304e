// Each question that a screen asks, with the key by which facts make its answer stale.
import { infiniteQueryOptions, QueryClient, queryOptions } from '@tanstack/react-query';
import { answerOf, client, type Fact, type Page } from './client';
import { problemOf } from './problem';

const FACTS_PER_PAGE = 200;
/** As many as Home shows: they are a part of what a first visit loads. */
export const RECENT_FACTS = 12;
const RECENT_RUNS = 30;
/** More at once nobody reads on Home. */
const BLOCKED_MAX = 20;

/** Answers stay as they are until a fact touches them; this bounds how long a lost fact can hide. */
const FRESH_MS = 60_000;
const RETRIES = 2;

export function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: FRESH_MS,
        retry: (failures, error) => {
          const { status } = problemOf(error);
          return failures < RETRIES && (status === 0 || status >= 500);
        },
      },
    },
  });
}

export const statusQuery = queryOptions({
  queryKey: ['status'],
  queryFn: ({ signal }) => answerOf(client.GET('/api/v1/status', { signal })),
});

export const applicationsQuery = queryOptions({
  queryKey: ['applications'],
  queryFn: ({ signal }) =>
    everyPage((cursor) =>
      answerOf(
        client.GET('/api/v1/applications', {
          params: { query: { limit: 500, ...cursor } },
          signal,
        }),
      ),
    ),
});

/** Beside thousands of applications, only those that somebody must look at. */
export const blockedQuery = queryOptions({
  queryKey: ['blocked-applications'],
  queryFn: ({ signal }) =>
    answerOf(
      client.GET('/api/v1/applications', {
        params: { query: { sync: 'blocked', limit: BLOCKED_MAX } },
        signal,
      }),
    ),
});

export const incidentsQuery = queryOptions({
  queryKey: ['incidents'],
  queryFn: ({ signal }) =>
    answerOf(client.GET('/api/v1/incidents', { params: { query: { limit: 20 } }, signal })),
});

export const recentRunsQuery = queryOptions({
  queryKey: ['runs', 'recent'],
  queryFn: ({ signal }) =>
    answerOf(client.GET('/api/v1/runs', { params: { query: { limit: RECENT_RUNS } }, signal })),
});

export const repositoriesQuery = queryOptions({
  queryKey: ['repositories'],
  queryFn: ({ signal }) =>
    everyPage((cursor) =>
      answerOf(
        client.GET('/api/v1/repositories', {
          params: { query: { limit: 500, ...cursor } },
          signal,
        }),
      ),
    ),
});

export interface FactFilter {
  actor?: string;
  subject?: string;
  kind?: string;
}

export const recentFactsQuery = queryOptions({
  queryKey: ['facts', 'recent'],
  queryFn: ({ signal }) =>
    answerOf(client.GET('/api/v1/facts', { params: { query: { limit: RECENT_FACTS } }, signal })),
});

export function factsQuery(filter: FactFilter) {
  return infiniteQueryOptions({
    queryKey: ['facts', 'search', filter],
    queryFn: ({ pageParam, signal }): Promise<Page<Fact>> => {
      const query = { ...filter, limit: FACTS_PER_PAGE, ...cursorOf(pageParam) };
      return answerOf(client.GET('/api/v1/facts', { params: { query }, signal }));
    },
    initialPageParam: '',
    getNextPageParam: (last) => last.next_cursor ?? undefined,
    // New facts arrive by the stream and are put in front.
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** How many pages are read at most for a list that is shown as a whole. */
const PAGES_MAX = 40;

async function everyPage<T>(ask: (cursor: { cursor?: string }) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = [];
  let cursor = '';
  for (let page = 0; page < PAGES_MAX; page++) {
    const answer = await ask(cursorOf(cursor));
    items.push(...answer.items);
    if (!answer.next_cursor) break;
    cursor = answer.next_cursor;
  }
  return items;
}

function cursorOf(cursor: string): { cursor?: string } {
  return cursor === '' ? {} : { cursor };
}

export const checkpointQuery = queryOptions({
  queryKey: ['checkpoint'],
  queryFn: ({ signal }) => answerOf(client.GET('/api/v1/facts/checkpoint', { signal })),
});

export function runsQuery() {
  return queryOptions({
    queryKey: ['runs', 'list'],
    queryFn: ({ signal }) =>
      answerOf(client.GET('/api/v1/runs', { params: { query: { limit: 100 } }, signal })),
  });
}

export function runQuery(id: number) {
  return queryOptions({
    queryKey: ['run', id],
    queryFn: ({ signal }) =>
      answerOf(client.GET('/api/v1/runs/{id}', { params: { path: { id } }, signal })),
  });
}

export function incidentQuery(id: number) {
  return queryOptions({
    queryKey: ['incident', id],
    queryFn: ({ signal }) =>
      answerOf(client.GET('/api/v1/incidents/{id}', { params: { path: { id } }, signal })),
  });
}

export function applicationQuery(name: string) {
  return queryOptions({
    queryKey: ['application', name],
    queryFn: ({ signal }) =>
      answerOf(client.GET('/api/v1/applications/{name}', { params: { path: { name } }, signal })),
  });
}

export function resourcesQuery(name: string) {
  return queryOptions({
    queryKey: ['application', name, 'resources'],
    queryFn: ({ signal }) =>
      answerOf(
        client.GET('/api/v1/applications/{name}/resources', {
          params: { path: { name }, query: { limit: 500 } },
          signal,
        }),
      ),
  });
}

export function actionsQuery(name: string, object: string) {
  return queryOptions({
    queryKey: ['application', name, 'actions', object],
    queryFn: ({ signal }) =>
      answerOf(
        client.GET('/api/v1/applications/{name}/actions', {
          params: { path: { name }, query: { object } },
          signal,
        }),
      ),
  });
}

export function deploymentsQuery(name: string) {
  return queryOptions({
    queryKey: ['application', name, 'deployments'],
    queryFn: ({ signal }) =>
      answerOf(
        client.GET('/api/v1/applications/{name}/deployments', {
          params: { path: { name }, query: { limit: 100 } },
          signal,
        }),
      ),
  });
}

export function liveDifferenceQuery(name: string) {
  return queryOptions({
    queryKey: ['application', name, 'difference'],
    queryFn: ({ signal }) =>
      answerOf(
        client.GET('/api/v1/applications/{name}/difference', {
          params: { path: { name }, query: { limit: 500 } },
          signal,
        }),
      ),
  });
}

export function eventsQuery(name: string) {
  return queryOptions({
    queryKey: ['application', name, 'events'],
    queryFn: ({ signal }) =>
      answerOf(
        client.GET('/api/v1/applications/{name}/events', {
          params: { path: { name }, query: { limit: 200 } },
          signal,
        }),
      ),
  });
}

export function deploymentDifferenceQuery(name: string, from: number, to: number) {
  return queryOptions({
    queryKey: ['deployment-difference', name, from, to],
    queryFn: ({ signal }) =>
      answerOf(
        client.GET('/api/v1/applications/{name}/deployments/difference', {
          params: { path: { name }, query: { from, to } },
          signal,
        }),
      ),
  });
}

export function rollbackPreviewQuery(name: string) {
  return queryOptions({
    queryKey: ['rollback', name],
    staleTime: 0,
    retry: false,
    queryFn: ({ signal }) =>
      answerOf(
        client.GET('/api/v1/applications/{name}/rollback', { params: { path: { name } }, signal }),
      ),
  });
}

export interface Place {
  owner: string;
  name: string;
}

export function versionsQuery(place: Place) {
  return queryOptions({
    queryKey: ['environments', 'versions', place.owner, place.name],
    queryFn: ({ signal }) =>
      answerOf(
        client.GET('/api/v1/repositories/{owner}/{name}/versions', {
          params: { path: place, query: { limit: 50 } },
          signal,
        }),
      ),
  });
}

export function deliveryQuery(place: Place) {
  return queryOptions({
    queryKey: ['environments', 'delivery', place.owner, place.name],
    retry: false,
    queryFn: ({ signal }) =>
      answerOf(
        client.GET('/api/v1/repositories/{owner}/{name}/delivery', {
          params: { path: place, query: { days: 30 } },
          signal,
        }),
      ),
  });
}

export function folderQuery(place: Place, revision: string, path: string) {
  return queryOptions({
    queryKey: ['repository', `${place.owner}/${place.name}`, 'folder', revision, path],
    retry: false,
    queryFn: ({ signal }) =>
      answerOf(
        client.GET('/api/v1/repositories/{owner}/{name}/folder', {
          params: { path: place, query: { revision, path } },
          signal,
        }),
      ),
  });
}

export function fileQuery(place: Place, revision: string, path: string) {
  return queryOptions({
    queryKey: ['repository', `${place.owner}/${place.name}`, 'file', revision, path],
    retry: false,
    queryFn: ({ signal }) =>
      answerOf(
        client.GET('/api/v1/repositories/{owner}/{name}/file', {
          params: { path: place, query: { revision, path } },
          signal,
        }),
      ),
  });
}

export function historyQuery(place: Place, revision: string, path: string) {
  return queryOptions({
    queryKey: ['commits', `${place.owner}/${place.name}`, revision, path],
    queryFn: ({ signal }) =>
      answerOf(
        client.GET('/api/v1/repositories/{owner}/{name}/commits', {
          params: { path: place, query: { reference: revision, path, limit: 50 } },
          signal,
        }),
      ),
  });
}

export function blameQuery(place: Place, revision: string, path: string) {
  return queryOptions({
    queryKey: ['repository', `${place.owner}/${place.name}`, 'blame', revision, path],
    queryFn: ({ signal }) =>
      answerOf(
        client.GET('/api/v1/repositories/{owner}/{name}/blame', {
          params: { path: place, query: { revision, path } },
          signal,
        }),
      ),
  });
}

export function branchesQuery(place: Place) {
  return queryOptions({
    queryKey: ['repository', `${place.owner}/${place.name}`, 'branches'],
    queryFn: ({ signal }) =>
      answerOf(
        client.GET('/api/v1/repositories/{owner}/{name}/references', {
          params: { path: place, query: { filter: '', limit: 200 } },
          signal,
        }),
      ),
  });
}

export function searchQuery(place: Place, revision: string, text: string) {
  return queryOptions({
    queryKey: ['repository', `${place.owner}/${place.name}`, 'search', revision, text],
    enabled: text.length >= 2,
    queryFn: ({ signal }) =>
      answerOf(
        client.GET('/api/v1/repositories/{owner}/{name}/search', {
          params: { path: place, query: { text, revision, limit: 100 } },
          signal,
        }),
      ),
  });
}
