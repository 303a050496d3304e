// Puts new facts in front of what was read before, without an open page growing for ever.
import type { InfiniteData, QueryClient } from '@tanstack/react-query';
import type { Fact, Page } from '../client';
import { type FactFilter, RECENT_FACTS } from '../queries';

/** Two pages of the timeline; what is older is read again when somebody asks for it. */
const SEARCH_MAX = 400;

export function putInFront(queries: QueryClient, fact: Fact): void {
  queries.setQueryData<Page<Fact>>(
    ['facts', 'recent'],
    (page) => page && inFront(page, fact, RECENT_FACTS),
  );
  const searches = queries.getQueriesData<InfiniteData<Page<Fact>>>({
    queryKey: ['facts', 'search'],
  });
  for (const [key, data] of searches) {
    const [first, ...rest] = data?.pages ?? [];
    if (!first || !data || !matches(fact, key[2] as FactFilter)) continue;
    // Whoever asked for older pages reads them: then nothing may go from the first one.
    const most = rest.length === 0 ? SEARCH_MAX : Number.POSITIVE_INFINITY;
    queries.setQueryData(key, { ...data, pages: [inFront(first, fact, most), ...rest] });
  }
}

export function inFront(page: Page<Fact>, fact: Fact, most: number): Page<Fact> {
  if (page.items.some((one) => one.sequence >= fact.sequence)) return page;
  const items = [fact, ...page.items];
  if (items.length <= most) return { ...page, items };
  const kept = items.slice(0, most);
  // The cursor is the number of the last fact that was given out.
  return { ...page, items: kept, next_cursor: String(kept.at(-1)?.sequence) };
}

/** The server's own rule for a filter. */
export function matches(fact: Fact, filter: FactFilter): boolean {
  return (
    (filter.actor === undefined || fact.actor === filter.actor) &&
    (filter.subject === undefined || fact.subject === filter.subject) &&
    (filter.kind === undefined || fact.kind.startsWith(filter.kind))
  );
}
