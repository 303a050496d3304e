// Where jobs run and where applications go, and what is missing there.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { components } from '../data/api-types';
import { Answer, Empty, Reasons } from '../design/Answer';
import { Given } from '../design/Given';
import { State } from '../design/State';
import { Time } from '../design/Time';
import { useSettingsWords } from '../messages/Messages';
import { destinationsQuery, runnersQuery } from './queries';

type Runner = components['schemas']['Runner'];
type Destination = components['schemas']['Destination'];

export function Places(): ReactNode {
  const { places } = useSettingsWords();
  const runners = useQuery(runnersQuery);
  const destinations = useQuery(destinationsQuery);
  return (
    <>
      <section aria-labelledby="runners" className="mt-5">
        <h2 id="runners">{places.runners}</h2>
        <Answer query={runners}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title={places.noRunner} />
            ) : (
              items.map((one) => <RunnerShown key={one.name} runner={one} />)
            )
          }
        </Answer>
      </section>
      <section aria-labelledby="destinations" className="mt-8">
        <h2 id="destinations">{places.destinations}</h2>
        <Answer query={destinations}>
          {({ items }) =>
            items.length === 0 ? (
              <Empty title={places.noDestination} />
            ) : (
              items.map((one) => <DestinationShown key={one.name} destination={one} />)
            )
          }
        </Answer>
      </section>
    </>
  );
}

function Named({ name, what }: { name: string; what: string }): ReactNode {
  return (
    <p className="flex flex-wrap gap-x-3">
      <span className="min-w-0 font-semibold">
        <Given text={name} />
      </span>
      <span className="text-muted">{what}</span>
    </p>
  );
}

const PLACE = 'border-b border-line py-3';

function RunnerShown({ runner }: { runner: Runner }): ReactNode {
  const { places } = useSettingsWords();
  const { name, jobs_max: max, running, missing_protections: missing } = runner;
  return (
    <div className={PLACE}>
      <Named name={name} what={places.jobsMax(max)} />
      {missing.length === 0 ? (
        <p className="flex flex-wrap gap-x-3">
          <State state="success" word={places.isolated} />
          <span>{places.isolatedWhole}</span>
        </p>
      ) : (
        <div className="text-bad">
          {places.missing(missing.length)}
          <ul className="list-disc ps-5">
            {missing.map(({ code, message }) => (
              <li key={code}>
                <code>{code}</code> {message}
              </li>
            ))}
          </ul>
        </div>
      )}
      {running.length === 0 ? (
        <p className="mt-1 text-muted">{places.idle}</p>
      ) : (
        <>
          <h3 className="mt-2 font-semibold">{places.running}</h3>
          <ul>
            {running.map(({ run, job, repository, started_at: at }) => (
              <li key={`${run} ${job}`} className="flex flex-wrap gap-x-3 py-0.5">
                <Link to="/runs/$id" params={{ id: String(run) }} search={{ job }}>
                  <Given text={job} /> <span>{places.run(run)}</span>
                </Link>
                <span>{repository}</span>
                {at && <Time at={at} />}
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

function DestinationShown({ destination }: { destination: Destination }): ReactNode {
  const { places } = useSettingsWords();
  const { name, kind, applications, reasons, version, address } = destination;
  const what = (places.kinds as Record<string, string>)[kind] ?? kind;
  return (
    <div className={PLACE}>
      <Named name={name} what={[what, version].filter(Boolean).join(' ')} />
      {address && (
        <p className="text-muted">
          <Given text={address} />
        </p>
      )}
      {reasons.length === 0 ? (
        <State state="success" word={places.reachable} />
      ) : (
        <>
          <State state="blocked" word={places.unreachable} />
          <Reasons reasons={reasons} />
        </>
      )}
      {applications.length === 0 ? (
        <p className="mt-1 text-muted">{places.noApplications}</p>
      ) : (
        <ul className="mt-1 flex flex-wrap gap-x-4">
          {applications.map((one) => (
            <li key={one} className="min-w-0">
              <Link to="/applications/$name" params={{ name: one }}>
                {one}
              </Link>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
