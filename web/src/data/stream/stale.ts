// What facts made stale since the last round of questions, and the questions that mend it.
import type { QueryClient, QueryKey } from '@tanstack/react-query';
import { type Application, answerOf, client, type Fact } from '../client';
import { problemOf } from '../problem';
import { applicationsQuery, blockedQuery } from '../queries';
import { touchedBy } from '../touched';

/** A tab that nobody looks at gathers; beyond this many answers all of them are asked for. */
const KEYS_MAX = 500;
/** A longer list takes several questions; then the applications that changed are asked for alone. */
const LIST_LONG = 500;
const APART_MAX = 20;

export class Stale {
  #keys = new Map<string, QueryKey>();
  #all = false;

  add(fact: Fact): void {
    if (this.#all) return;
    for (const key of touchedBy(fact)) this.#keys.set(JSON.stringify(key), key);
    this.#all = this.#keys.size > KEYS_MAX;
    if (this.#all) this.#keys.clear();
  }

  get isEmpty(): boolean {
    return !this.#all && this.#keys.size === 0;
  }

  /** Asks again for everything, and begins anew. */
  ask(queries: QueryClient): void {
    const [keys, all] = [[...this.#keys.values()], this.#all];
    this.#keys.clear();
    this.#all = false;
    if (all) {
      // The facts themselves came by the stream.
      void queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'facts' });
      return;
    }
    const names = keys.flatMap(([list, name]) =>
      list === 'applications' && typeof name === 'string' ? [name] : [],
    );
    if (names.length > 0) void queries.invalidateQueries({ queryKey: blockedQuery.queryKey });
    const apart = names.length > 0 && canBeApart(queries, names);
    if (apart) for (const name of names) void askApart(queries, name);
    for (const queryKey of keys) {
      const isNamed = queryKey[0] === 'applications' && queryKey.length > 1;
      if (!isNamed) void queries.invalidateQueries({ queryKey });
    }
    if (names.length > 0 && !apart) {
      void queries.invalidateQueries({ queryKey: applicationsQuery.queryKey });
    }
  }
}

function canBeApart(queries: QueryClient, names: string[]): boolean {
  const list = queries.getQueryData(applicationsQuery.queryKey);
  return list !== undefined && list.length > LIST_LONG && names.length <= APART_MAX;
}

async function askApart(queries: QueryClient, name: string): Promise<void> {
  const params = { path: { name } };
  try {
    const one = await answerOf(client.GET('/api/v1/applications/{name}', { params }));
    queries.setQueryData(applicationsQuery.queryKey, (list) => list && withOne(list, one));
  } catch (error) {
    if (problemOf(error).status === 404) {
      queries.setQueryData(applicationsQuery.queryKey, (list) =>
        list?.filter((other) => other.name !== name),
      );
    } else {
      void queries.invalidateQueries({ queryKey: applicationsQuery.queryKey });
    }
  }
}

/** The list with one application as it is now; a new one takes its place by name. */
export function withOne(list: Application[], one: Application): Application[] {
  const place = list.findIndex(({ name }) => name >= one.name);
  if (place < 0) return [...list, one];
  return list.toSpliced(place, list[place]?.name === one.name ? 1 : 0, one);
}
