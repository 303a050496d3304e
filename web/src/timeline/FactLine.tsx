// One fact as a line: when, who, what, and on demand every field of it.

import { Link } from '@tanstack/react-router';
import { memo, type ReactNode, useState } from 'react';
import type { Fact } from '../data/client';
import { parseSubject } from '../data/subject';
import { seen } from '../design/seen';
import { Time } from '../design/Time';
import { useFactMessages } from '../messages/Messages';
import { sentenceOf } from './sentence';

const BAD = /rolled_back|quarantined|incident_opened|failed|refused|denied|blocked|drift_found/;
const GOOD = /incident_resolved|merged|gate_passed|promoted/;

interface LineProps {
  fact: Fact;
  /** What the way to every field is called; without it there is none. */
  details?: string;
}

/** Facts never change, so a line is drawn once however many come in front of it. */
export const FactLine = memo(function FactLine({ fact, details }: LineProps): ReactNode {
  const messages = useFactMessages();
  const tone = BAD.test(fact.kind) ? 'text-bad' : GOOD.test(fact.kind) ? 'text-good' : '';
  return (
    <li className="grid grid-cols-[92px_minmax(0,1fr)] gap-x-3 border-b border-line py-2">
      <Time at={fact.at} />
      <div className="min-w-0">
        <About fact={fact} className={tone}>
          {sentenceOf(fact, messages)}
        </About>{' '}
        <span className="text-muted">{fact.actor}</span>
        {details && <Fields fact={fact} word={details} />}
      </div>
    </li>
  );
});

function Fields({ fact, word }: { fact: Fact; word: string }): ReactNode {
  const [open, setOpen] = useState(false);
  return (
    <details className="mt-1" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary className="cursor-pointer text-muted">
        {fact.sequence} · {word}
      </summary>
      {open && (
        <pre className="mt-1 overflow-x-auto bg-sunken p-2">
          {seen(JSON.stringify(fact, null, 2))}
        </pre>
      )}
    </details>
  );
}

interface AboutProps {
  fact: Fact;
  className: string;
  children: ReactNode;
}

/** Links what a fact is about, where there is a screen for it. */
function About({ fact, className, children }: AboutProps): ReactNode {
  const subject = parseSubject(fact.subject);
  const look = `no-underline hover:underline ${className || 'text-ink'}`;
  switch (subject.kind) {
    case 'pull-request': {
      const [owner = '', name = ''] = subject.repository.split('/');
      const params = { owner, name, number: String(subject.number) };
      return (
        <Link
          to="/repositories/$owner/$name/pull-requests/$number"
          params={params}
          className={look}
        >
          {children}
        </Link>
      );
    }
    case 'run':
      return (
        <Link to="/runs/$id" params={{ id: String(subject.run) }} className={look}>
          {children}
        </Link>
      );
    case 'application':
    case 'objective':
      return (
        <Link to="/applications/$name" params={{ name: subject.application }} className={look}>
          {children}
        </Link>
      );
    case 'incident':
      return (
        <Link to="/incidents/$id" params={{ id: String(subject.incident) }} className={look}>
          {children}
        </Link>
      );
    case 'server':
    case 'repository':
    case 'ref':
    case 'environment':
    case 'artifact':
    case 'other':
      return <span className={className}>{children}</span>;
  }
}
