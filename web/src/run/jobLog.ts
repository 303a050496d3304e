// The log of one attempt of a job.
import { answerOf, client } from '../data/client';
import type { LogSource } from '../data/log';
import { parseSubject } from '../data/subject';

export function jobLog(run: number, job: string, attempt: number): LogSource {
  return {
    ask: ({ offset, follow }, signal) =>
      answerOf(
        client.GET('/api/v1/runs/{id}/log', {
          params: {
            path: { id: run },
            query: { job, attempt, offset, ...(follow ? { follow } : {}) },
          },
          signal,
        }),
      ),
    isAbout: (fact) => {
      const subject = fact ? parseSubject(fact.subject) : null;
      return subject?.kind === 'run' && subject.run === run;
    },
  };
}
