// One line of a log: its number as a link, its time, its text; a step's heading folds the step.
import { Link } from '@tanstack/react-router';
import { memo, type ReactNode } from 'react';
import { useLocale, useScreens } from '../messages/Messages';
import { Coloured } from './Coloured';
import type { LogLine } from './logLines';

export const ROW_PIXELS = 20;

interface LogRowProps extends LogLine {
  job: string;
  marked: boolean;
  isFolded: boolean;
  top: number;
  onFold: (step: number) => void;
}

/** A row that stays as it is costs nothing while others come and go. */
export const LogRow = memo(function LogRow(props: LogRowProps): ReactNode {
  const { number, at, step, text, opens, job, marked, isFolded, top, onFold } = props;
  const { runs } = useScreens();
  return (
    <div
      className={`absolute flex w-max min-w-full ${marked ? 'bg-wait-ground' : ''}`}
      style={{ top, height: ROW_PIXELS }}
    >
      <Link
        from="/runs/$id"
        search={(old) => ({ ...old, job, line: String(number) })}
        replace
        resetScroll={false}
        className="min-w-12 shrink-0 pe-2 text-end text-muted no-underline select-none"
        aria-label={runs.line(number)}
      >
        {number}
      </Link>
      {at && <Clock at={at} />}
      {opens && step !== null ? (
        <button
          type="button"
          aria-expanded={!isFolded}
          className="cursor-pointer font-bold whitespace-pre hover:text-accent"
          onClick={() => onFold(step)}
        >
          <span aria-hidden="true" className="inline-block w-4 text-muted">
            {isFolded ? '▸' : '▾'}
          </span>
          <Coloured text={text} />
        </button>
      ) : (
        <span className={step === null ? 'text-muted' : 'ps-4'}>
          <Coloured text={text} />
        </span>
      )}
    </div>
  );
});

/** The time of day; the whole of it on the pointer. A narrow screen has no place for it. */
function Clock({ at }: { at: string }): ReactNode {
  const locale = useLocale();
  const time = new Date(at);
  return (
    <time
      dateTime={at}
      title={time.toLocaleString(locale)}
      className="hidden shrink-0 pe-3 text-muted sm:inline"
    >
      {time.toLocaleTimeString(locale, { hour12: false })}
    </time>
  );
}
