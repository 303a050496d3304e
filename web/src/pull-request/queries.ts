// What the screens of pull requests ask.
import { queryOptions } from '@tanstack/react-query';
import { answerOf, client } from '../data/client';
import type { Place } from '../data/queries';

export function pullRequestsQuery(place: Place) {
  return queryOptions({
    queryKey: ['pull-requests', place.owner, place.name],
    queryFn: ({ signal }) =>
      answerOf(
        client.GET('/api/v1/repositories/{owner}/{name}/pull-requests', {
          params: { path: place, query: { limit: 100 } },
          signal,
        }),
      ),
  });
}

export function pullRequestQuery(place: Place, number: number) {
  return queryOptions({
    queryKey: ['pull-request', `${place.owner}/${place.name}`, number],
    queryFn: ({ signal }) =>
      answerOf(
        client.GET('/api/v1/repositories/{owner}/{name}/pull-requests/{number}', {
          params: { path: { ...place, number } },
          signal,
        }),
      ),
  });
}

/** Its key is below the pull request's: what a check reports touches both. */
export function annotationsQuery(place: Place, number: number, head: string) {
  return queryOptions({
    queryKey: ['pull-request', `${place.owner}/${place.name}`, number, 'annotations', head],
    queryFn: ({ signal }) =>
      answerOf(
        client.GET('/api/v1/repositories/{owner}/{name}/pull-requests/{number}/annotations', {
          params: { path: { ...place, number } },
          signal,
        }),
      ),
  });
}

export const sessionQuery = queryOptions({
  queryKey: ['session'],
  queryFn: ({ signal }) => answerOf(client.GET('/api/v1/session', { signal })),
});

export function sourceDifferenceQuery(
  place: Place,
  number: number,
  head: string,
  from_patch_set?: number,
) {
  return queryOptions({
    queryKey: ['source-difference', place.owner, place.name, number, head, from_patch_set],
    queryFn: ({ signal }) =>
      answerOf(
        client.GET('/api/v1/repositories/{owner}/{name}/pull-requests/{number}/difference', {
          params: {
            path: { ...place, number },
            query: from_patch_set === undefined ? {} : { from_patch_set },
          },
          signal,
        }),
      ),
  });
}

export function consequencesQuery(place: Place, number: number, head: string) {
  return queryOptions({
    queryKey: ['consequences', place.owner, place.name, number, head],
    queryFn: ({ signal }) =>
      answerOf(
        client.GET('/api/v1/repositories/{owner}/{name}/pull-requests/{number}/consequences', {
          params: { path: { ...place, number } },
          signal,
        }),
      ),
  });
}
