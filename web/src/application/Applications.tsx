// Every application: how it is, and whether what runs is what Git says; thousands can be filtered.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { type ReactNode, useMemo } from 'react';
import type { Application } from '../data/client';
import { applicationsQuery } from '../data/queries';
import { Answer, Empty } from '../design/Answer';
import { CopyAs } from '../design/CopyAs';
import { FilterField } from '../design/FilterField';
import { Short } from '../design/Short';
import { State } from '../design/State';
import { useWindowRows } from '../design/useWindowRows';
import { useScreens } from '../messages/Messages';

const route = getRouteApi('/applications');
const ROW_PIXELS = 42;
const COLUMNS = ['w-[46%]', 'w-[18%]', 'w-[18%]', 'w-[18%]'];

export function Applications(): ReactNode {
  const { applications } = useScreens();
  const query = useQuery(applicationsQuery);
  return (
    <>
      <div className="flex flex-wrap items-baseline justify-between gap-3">
        <h1>{applications.title}</h1>
        <CopyAs command="boucle app list" path="/applications" />
      </div>
      <Answer query={query}>
        {(all) =>
          all.length === 0 ? (
            <Empty title={applications.none} next={applications.noneNext} />
          ) : (
            <Filtered all={all} />
          )
        }
      </Answer>
    </>
  );
}

function Filtered({ all }: { all: Application[] }): ReactNode {
  const { applications } = useScreens();
  const { filter = '' } = route.useSearch();
  const navigate = route.useNavigate();
  const shown = useMemo(() => {
    const wanted = filter.toLowerCase();
    return all.filter(({ name, repository }) =>
      `${name} ${repository}`.toLowerCase().includes(wanted),
    );
  }, [all, filter]);
  return (
    <>
      <div className="mt-3 flex flex-wrap items-center gap-3">
        <FilterField
          label={applications.filter}
          value={filter}
          onChange={(text) =>
            void navigate({ search: text ? { filter: text } : {}, replace: true })
          }
        />
        <span className="text-muted" aria-live="polite">
          {applications.found(shown.length)}
        </span>
      </div>
      <List shown={shown} />
    </>
  );
}

function List({ shown }: { shown: Application[] }): ReactNode {
  const { applications } = useScreens();
  const rows = useWindowRows<HTMLDivElement>(shown.length, ROW_PIXELS);
  const headings = [
    applications.name,
    applications.health,
    applications.sync,
    applications.revision,
  ];
  return (
    <div ref={rows.holder} style={rows.style} className="mt-3 overflow-x-auto">
      <table
        className="rows rows-stacked rows-flowing sm:min-w-[36rem] sm:table-fixed"
        aria-rowcount={shown.length + 1}
      >
        <thead>
          <tr aria-rowindex={1}>
            {headings.map((heading, column) => (
              <th key={heading} scope="col" className={COLUMNS[column]}>
                {heading}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.indexes.map((index) => {
            const one = shown[index];
            if (!one) return null;
            return (
              <tr key={one.name} ref={rows.measure} data-index={index} aria-rowindex={index + 2}>
                <Cells one={one} />
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

function Cells({ one }: { one: Application }): ReactNode {
  return (
    <>
      <td className="break-words">
        <Link to="/applications/$name" params={{ name: one.name }}>
          {one.name}
        </Link>{' '}
        <span className="text-muted">{one.repository}</span>
      </td>
      <td>
        <State state={one.health} />
      </td>
      <td>
        <State state={one.sync} />
      </td>
      <td>{one.revision && <Short id={one.revision} />}</td>
    </>
  );
}
