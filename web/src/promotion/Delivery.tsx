// DORA's five figures of the repository's last environment, each with how many facts are behind it.
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useId } from 'react';
import { deliveryQuery, type Place } from '../data/queries';
import { Duration } from '../design/Time';
import { useLocale, useScreens } from '../messages/Messages';

const FIGURES = [
  'lead_time_ms',
  'frequency_per_day',
  'recovery_time_ms',
  'fail_rate',
  'rework_rate',
] as const;

interface DeliveryProps {
  place: Place;
  /** Whether the repository is named, where there are several. */
  named?: boolean;
}

export function Delivery({ place, named = false }: DeliveryProps): ReactNode {
  const { promotion } = useScreens();
  const heading = useId();
  const query = useQuery(deliveryQuery(place));
  // A repository without environments delivers nowhere: there is nothing to tell.
  if (!query.data) return null;
  const { data } = query;
  return (
    <section aria-labelledby={heading} className="mt-8">
      <h2 id={heading}>{named ? `${place.owner}/${place.name}` : promotion.delivery}</h2>
      <p className="text-muted">{promotion.days(data.days)}</p>
      <dl className="mt-2 grid gap-4 sm:grid-cols-2 xl:grid-cols-5">
        {FIGURES.map((name) => (
          <div key={name}>
            <dt className="text-muted">{promotion.figures[name]}</dt>
            <dd className="text-[18px]">
              <Value name={name} value={data[name].value ?? null} />
            </dd>
            <dd className="text-muted">{promotion.facts(data[name].facts.length)}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Value({
  name,
  value,
}: {
  name: (typeof FIGURES)[number];
  value: number | null;
}): ReactNode {
  const { promotion } = useScreens();
  const locale = useLocale();
  if (value === null) return <span className="text-muted">{promotion.unknown}</span>;
  if (name.endsWith('_ms')) return <Duration ms={value} />;
  const style = name.endsWith('_rate') ? 'percent' : 'decimal';
  return new Intl.NumberFormat(locale, { style, maximumFractionDigits: 1 }).format(value);
}
