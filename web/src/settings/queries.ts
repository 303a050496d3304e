// What the settings ask: people, tokens, secrets, receivers, places, and what the server found about itself.
import { queryOptions } from '@tanstack/react-query';
import { answerOf, client } from '../data/client';
import { placeOf } from '../repository/place';

const ALL = { query: { limit: 500 } };

export const peopleQuery = queryOptions({
  queryKey: ['people'],
  retry: false,
  queryFn: ({ signal }) => answerOf(client.GET('/api/v1/people', { params: ALL, signal })),
});

export const tokensQuery = queryOptions({
  queryKey: ['tokens'],
  retry: false,
  queryFn: ({ signal }) => answerOf(client.GET('/api/v1/tokens', { params: ALL, signal })),
});

export const diagnosisQuery = queryOptions({
  queryKey: ['diagnosis'],
  retry: false,
  // What is looked at changes without facts.
  staleTime: 0,
  queryFn: ({ signal }) => answerOf(client.GET('/api/v1/diagnosis', { signal })),
});

export function secretsQuery(repository: string) {
  return queryOptions({
    queryKey: ['secrets', repository],
    retry: false,
    queryFn: ({ signal }) =>
      answerOf(
        client.GET('/api/v1/repositories/{owner}/{name}/secrets', {
          params: { path: placeOf(repository), ...ALL },
          signal,
        }),
      ),
  });
}

export function notificationsQuery(repository: string) {
  return queryOptions({
    queryKey: ['notifications', repository],
    retry: false,
    queryFn: ({ signal }) =>
      answerOf(
        client.GET('/api/v1/repositories/{owner}/{name}/notifications', {
          params: { path: placeOf(repository) },
          signal,
        }),
      ),
  });
}

export const runnersQuery = queryOptions({
  queryKey: ['runners'],
  retry: false,
  queryFn: ({ signal }) => answerOf(client.GET('/api/v1/runners', { signal })),
});

export const destinationsQuery = queryOptions({
  queryKey: ['destinations'],
  retry: false,
  queryFn: ({ signal }) => answerOf(client.GET('/api/v1/destinations', { signal })),
});
