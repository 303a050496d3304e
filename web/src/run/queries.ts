// What the screen of a run asks beyond the run itself.
import { queryOptions } from '@tanstack/react-query';
import { answerOf, client } from '../data/client';

/** The run as one of its attempts left it. Its key is below the run's, so that its facts touch it. */
export function attemptQuery(id: number, attempt: number) {
  return queryOptions({
    queryKey: ['run', id, 'attempt', attempt],
    queryFn: ({ signal }) =>
      answerOf(
        client.GET('/api/v1/runs/{id}', { params: { path: { id }, query: { attempt } }, signal }),
      ),
  });
}

export function resultsQuery(id: number, attempt: number) {
  return queryOptions({
    queryKey: ['run', id, 'results', attempt],
    queryFn: ({ signal }) =>
      answerOf(
        client.GET('/api/v1/runs/{id}/results', {
          params: { path: { id }, query: { attempt } },
          signal,
        }),
      ),
  });
}
