// What the settings ask: people, tokens, and what the server found about itself.
import { queryOptions } from '@tanstack/react-query';
import { answerOf, client } from '../data/client';

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
