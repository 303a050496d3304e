// The legend of a chart: each line with its value, a button that takes it out of the drawing and back.
import type { ReactNode } from 'react';
import { useLocale, useMetricWords } from '../messages/Messages';
import { colourOf, dashOf, formatFor } from './look';
import { lastOf, type Read, shortened } from './read';

interface LegendProps {
  read: Read;
  point: number | null;
  time: (at: number) => string;
  hidden: ReadonlySet<string>;
  onHide: (hidden: ReadonlySet<string>) => void;
}

export function Legend({ read, point, time, hidden, onHide }: LegendProps): ReactNode {
  const words = useMetricWords();
  const format = formatFor(useLocale());
  const at = point === null ? undefined : read.times[point];
  const toggle = (name: string): void => {
    const next = new Set(hidden);
    if (!next.delete(name)) next.add(name);
    onHide(next);
  };
  return (
    <table className="mt-2">
      <thead className="text-muted">
        <tr>
          <th scope="col" className="pe-4 text-start font-normal">
            {words.series}
          </th>
          <th scope="col" className="text-end font-normal whitespace-nowrap">
            {at === undefined ? words.last : words.at(time(at))}
          </th>
        </tr>
      </thead>
      <tbody>
        {read.series.map((series, index) => {
          const value = at === undefined ? lastOf(series) : series.values[point ?? 0];
          const isHidden = hidden.has(series.name);
          return (
            <tr key={series.name} className={isHidden ? 'text-muted line-through' : ''}>
              <td className="pe-4">
                <button
                  type="button"
                  aria-pressed={!isHidden}
                  title={isHidden ? words.showSeries : words.hideSeries}
                  className={`min-h-6 cursor-pointer text-start hover:text-accent ${isHidden ? 'line-through' : ''}`}
                  onClick={() => toggle(series.name)}
                >
                  <Sample index={index} isHidden={isHidden} /> <code>{shortened(series.name)}</code>
                </button>
              </td>
              <td className="text-end align-top whitespace-nowrap">
                {value === null || value === undefined ? '–' : format(value)}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** A piece of the line as it is drawn. */
function Sample({ index, isHidden }: { index: number; isHidden: boolean }): ReactNode {
  return (
    <svg width="22" height="8" aria-hidden="true" className="inline-block">
      <line
        x1="0"
        x2="22"
        y1="4"
        y2="4"
        strokeWidth="2.5"
        style={{ stroke: isHidden ? 'var(--line)' : colourOf(index) }}
        strokeDasharray={dashOf(index)?.join(' ')}
      />
    </svg>
  );
}
