// Chooses how long a chart is, until when, and how far apart its points are.
import type { ReactNode } from 'react';
import { SelectField } from '../design/SelectField';
import { useLocale, useMetricWords } from '../messages/Messages';
import { RANGES, type Span, type SpanChange, STEPS, stepFor } from './span';

interface SpanChoiceProps {
  span: Span;
  step: string | undefined;
  onChange: (change: SpanChange) => void;
}

export function SpanChoice({ span, step, onChange }: SpanChoiceProps): ReactNode {
  const words = useMetricWords();
  const locale = useLocale();
  const named = (lengths: Record<string, number>): [string, string][] =>
    Object.entries(lengths).map(([key, seconds]) => [key, lengthIn(locale, seconds)]);
  const move = (direction: number): void => {
    const end = (span.until ?? Date.now() / 1000) + (direction * span.seconds) / 2;
    const isNow = end >= Date.now() / 1000;
    onChange({ until: isNow ? null : new Date(end * 1000).toISOString() });
  };
  const end =
    span.until === null
      ? words.untilNow
      : new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' }).format(
          span.until * 1000,
        );
  return (
    <div className="mt-3 flex flex-wrap items-end gap-x-4 gap-y-2">
      <SelectField
        label={words.range}
        value={span.range}
        options={named(RANGES)}
        onChange={(range) => onChange({ range })}
      />
      <SelectField
        label={words.step}
        value={step && Object.hasOwn(STEPS, step) ? step : ''}
        options={[['', words.stepAuto(stepFor(span.seconds))], ...named(STEPS)]}
        onChange={(next) => onChange({ step: next || null })}
      />
      <div className="flex flex-wrap items-center gap-2">
        <button type="button" className="button" onClick={() => move(-1)}>
          {words.earlier}
        </button>
        <button
          type="button"
          className="button"
          disabled={span.until === null}
          onClick={() => move(1)}
        >
          {words.later}
        </button>
        {span.until !== null && (
          <button type="button" className="button" onClick={() => onChange({ until: null })}>
            {words.now}
          </button>
        )}
        <span className="text-muted">
          {words.until} {end}
        </span>
      </div>
    </div>
  );
}

const LENGTHS: [string, number][] = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];

export function lengthIn(locale: string, seconds: number): string {
  const [unit, size] = LENGTHS.find(([, one]) => seconds >= one) ?? (['second', 1] as const);
  return new Intl.NumberFormat(locale, {
    style: 'unit',
    unit: unit as string,
    unitDisplay: 'long',
    maximumFractionDigits: 1,
  }).format(seconds / size);
}
