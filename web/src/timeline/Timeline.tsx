// Every fact, the newest first, filtered by kind, actor and subject; how far it is signed.
import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { type FormEvent, type ReactNode, Suspense } from 'react';
import { checkpointQuery, type FactFilter, factsQuery } from '../data/queries';
import { Empty, Failure, Loading } from '../design/Answer';
import { CopyAs } from '../design/CopyAs';
import { useScreens } from '../messages/Messages';
import { FactLine } from './FactLine';

const route = getRouteApi('/timeline');
const FILTERS = ['kind', 'actor', 'subject'] as const;

export function Timeline(): ReactNode {
  const { timeline } = useScreens();
  const filter = route.useSearch() as FactFilter;
  const facts = useInfiniteQuery(factsQuery(filter));
  const checkpoint = useQuery(checkpointQuery);
  const items = facts.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <>
      <div className="flex flex-wrap items-baseline justify-between gap-3">
        <h1>{timeline.title}</h1>
        <div className="flex flex-wrap items-center gap-3">
          {checkpoint.data && (
            <span className="text-good" title={checkpoint.data.note}>
              <span aria-hidden="true">✓ </span>
              {timeline.verified(checkpoint.data.facts)}
            </span>
          )}
          <a className="button" href="/api/v1/facts/export" download="facts.jsonl">
            {timeline.export}
          </a>
          <CopyAs command="boucle audit list" path="/facts" />
        </div>
      </div>
      <Filters filter={filter} />
      {facts.isError && <Failure error={facts.error} again={() => void facts.refetch()} />}
      {facts.isPending && <Loading />}
      {facts.isSuccess && items.length === 0 && <Empty title={timeline.empty} />}
      <Suspense fallback={<Loading />}>
        <ol>
          {items.map((fact) => (
            <FactLine key={fact.sequence} fact={fact} details={timeline.details} />
          ))}
        </ol>
      </Suspense>
      {facts.hasNextPage && (
        <button type="button" className="button mt-4" onClick={() => void facts.fetchNextPage()}>
          {timeline.older}
        </button>
      )}
    </>
  );
}

function Filters({ filter }: { filter: FactFilter }): ReactNode {
  const { timeline } = useScreens();
  const navigate = route.useNavigate();
  const apply = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const wanted = FILTERS.map((name) => [name, String(form.get(name) ?? '').trim()] as const);
    void navigate({ search: Object.fromEntries(wanted.filter(([, text]) => text !== '')) });
  };
  return (
    <form
      key={JSON.stringify(filter)}
      className="my-4 flex flex-wrap items-end gap-3"
      onSubmit={apply}
    >
      {FILTERS.map((name) => (
        <label key={name} className="grid gap-1 text-muted">
          {timeline[name]}
          <input
            className="field w-56 max-w-full"
            name={name}
            defaultValue={filter[name] ?? ''}
            {...(name === 'kind' ? { 'data-filter': true } : {})}
          />
        </label>
      ))}
      <button type="submit" className="button button-first">
        {timeline.filter}
      </button>
      {Object.keys(filter).length > 0 && (
        <button type="button" className="button" onClick={() => void navigate({ search: {} })}>
          {timeline.clear}
        </button>
      )}
    </form>
  );
}
