// The log of one replica of an application.
import { answerOf, client } from '../data/client';
import type { LogSource } from '../data/log';

export function replicaLog(application: string, replica: string): LogSource {
  return {
    ask: ({ offset, follow }, signal) =>
      answerOf(
        client.GET('/api/v1/applications/{name}/log', {
          params: {
            path: { name: application },
            query: { replica, offset, ...(follow ? { follow } : {}) },
          },
          signal,
        }),
      ),
    isAbout: (fact) => fact?.subject === `application:${application}`,
  };
}
