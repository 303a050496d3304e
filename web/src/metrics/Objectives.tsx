// What is promised: how much of each budget is left, and how fast it is used.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { components } from '../data/api-types';
import { Answer, Empty } from '../design/Answer';
import { State } from '../design/State';
import { useLocale, useMetricWords } from '../messages/Messages';
import { objectivesQuery } from './prometheus';
import { lengthIn } from './SpanChoice';

export type Objective = components['schemas']['Objective'];
type Rule = Objective['rules'][number];

export function Objectives(): ReactNode {
  const words = useMetricWords();
  const query = useQuery(objectivesQuery);
  return (
    <Answer query={query}>
      {({ items }) =>
        items.length === 0 ? (
          <Empty title={words.objectivesNone} next={words.objectivesNoneNext} />
        ) : (
          <div className="mt-4 space-y-6">
            {items.map((one) => (
              <Card key={`${one.application} ${one.name}`} one={one} />
            ))}
          </div>
        )
      }
    </Answer>
  );
}

export function Card({ one }: { one: Objective }): ReactNode {
  const words = useMetricWords();
  const locale = useLocale();
  const share = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 4 });
  const because = one.unknown_because;
  return (
    <article className="border-t border-line pt-3">
      <h2 className="flex flex-wrap items-baseline gap-x-3">
        <State state={one.state} />
        <Link to="/applications/$name" params={{ name: one.application }}>
          {one.application}
        </Link>
        <span>{one.display_name || one.name}</span>
        <span className="font-normal text-muted">
          {words.promised(share.format(one.target), lengthIn(locale, one.time_window_ms / 1000))}
        </span>
      </h2>
      {one.description && <p className="text-muted">{one.description}</p>}
      {because && <p>{(words.because as Record<string, string>)[because] ?? because}</p>}
      <Budget left={one.budget_left ?? null} />
      {one.rules.length > 0 && <Rules rules={one.rules} />}
    </article>
  );
}

function Budget({ left }: { left: number | null }): ReactNode {
  const words = useMetricWords();
  const locale = useLocale();
  const share = new Intl.NumberFormat(locale, { style: 'percent', maximumFractionDigits: 0 });
  const isOver = left !== null && left <= 0;
  return (
    <div className="mt-2 flex flex-wrap items-center gap-3">
      <span className="text-muted">{words.budget}</span>
      <span
        aria-hidden="true"
        className="block h-2 w-40 overflow-hidden rounded border border-line bg-sunken"
      >
        <span
          className="block h-full bg-good"
          style={{ width: `${Math.min(1, Math.max(0, left ?? 0)) * 100}%` }}
        />
      </span>
      <span className={isOver ? 'font-semibold text-bad' : ''}>
        {left === null ? words.unknown : share.format(left)}
        {isOver && ` (${words.budgetOver})`}
      </span>
    </div>
  );
}

const RULE_STATES: Record<string, string> = { firing: 'burning', quiet: 'met' };

function Rules({ rules }: { rules: Rule[] }): ReactNode {
  const words = useMetricWords();
  const locale = useLocale();
  const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 2 });
  const severities: Record<string, string> = words.severities;
  const states: Record<string, string> = words.rules;
  return (
    <>
      <p className="mt-2 text-muted">
        {words.burn}. {words.burnExplain}
      </p>
      <ul className="mt-1 space-y-1">
        {rules.map((rule) => (
          <li
            key={`${rule.severity} ${rule.factor} ${rule.long_window_ms}`}
            className="flex flex-wrap items-baseline gap-x-3"
          >
            <span className="min-w-12 text-end">
              {rule.burn === null || rule.burn === undefined ? '–' : number.format(rule.burn)}
            </span>
            <State
              state={RULE_STATES[rule.state] ?? rule.state}
              word={states[rule.state] ?? rule.state}
            />
            <span className="text-muted">
              {words.rule(
                severities[rule.severity] ?? rule.severity,
                number.format(rule.factor),
                lengthIn(locale, rule.long_window_ms / 1000),
              )}
            </span>
            <Link to="/monitoring" search={{ query: rule.query }}>
              {words.show}
            </Link>
          </li>
        ))}
      </ul>
    </>
  );
}
