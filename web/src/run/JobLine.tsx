// A job in words: how it is, why it is so, and its steps.
import type { ReactNode } from 'react';
import type { Job } from '../data/client';
import { Reasons } from '../design/Answer';
import { State } from '../design/State';
import { Duration } from '../design/Time';
import { useScreens } from '../messages/Messages';

interface JobLineProps {
  job: Job;
  chosen: boolean;
  onChoose: () => void;
}

export function JobLine({ job, chosen, onChoose }: JobLineProps): ReactNode {
  return (
    <li className={chosen ? 'border-s-2 border-accent ps-3' : 'ps-3.5'}>
      <button
        type="button"
        className="min-h-6 cursor-pointer text-start"
        aria-current={chosen}
        onClick={onChoose}
      >
        <State state={job.conclusion ?? job.state} />{' '}
        <span className={chosen ? 'font-semibold' : ''}>{job.name}</span>
      </button>
      <Why job={job} />
      <Steps job={job} />
    </li>
  );
}

export function Why({ job }: { job: Job }): ReactNode {
  const { runs } = useScreens();
  if (job.reasons.length === 0) return null;
  return (
    <div className="text-muted">
      {job.conclusion === 'skipped' ? runs.whySkipped : runs.why}
      <Reasons reasons={job.reasons} />
    </div>
  );
}

export function Steps({ job }: { job: Job }): ReactNode {
  return (
    <ol className="mt-1 space-y-0.5 text-muted">
      {job.steps.map((step) => (
        <li key={step.index} className="flex gap-2">
          <State state={step.conclusion ?? 'waiting'} word="" />
          <span className="min-w-0 flex-1">{step.name}</span>
          {step.duration_ms !== null && step.duration_ms !== undefined && (
            <Duration ms={step.duration_ms} />
          )}
        </li>
      ))}
    </ol>
  );
}
