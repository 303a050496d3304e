// A state, always as colour, sign and word.
import type { ReactNode } from 'react';
import { useMessages } from '../messages/Messages';

type Tone = 'good' | 'bad' | 'warn' | 'wait' | 'calm';

const TONES: Record<string, Tone> = {
  healthy: 'good',
  synced: 'good',
  success: 'good',
  merged: 'good',
  resolved: 'good',
  met: 'good',
  here: 'good',
  approve: 'good',
  degraded: 'bad',
  sick: 'bad',
  failure: 'bad',
  blocked: 'bad',
  quarantined: 'bad',
  burning: 'bad',
  taken_back: 'bad',
  request_changes: 'bad',
  error: 'bad',
  warning: 'warn',
  progressing: 'wait',
  inconclusive: 'wait',
  out_of_sync: 'wait',
  waiting: 'wait',
  queued: 'wait',
  running: 'wait',
  open: 'wait',
};

const SIGNS: Record<Tone, string> = { good: '✓', bad: '✗', warn: '!', wait: '…', calm: '–' };
const CLASSES: Record<Tone, string> = {
  good: 'text-good',
  bad: 'text-bad',
  warn: 'text-wait',
  wait: 'text-wait',
  calm: 'text-muted',
};

export function toneOf(state: string): Tone {
  return TONES[state] ?? 'calm';
}

export function State({ state, word }: { state: string; word?: string }): ReactNode {
  const { states } = useMessages();
  const tone = toneOf(state);
  const known = (states as Record<string, string>)[state];
  return (
    <span className={`inline-flex items-baseline gap-1 whitespace-nowrap ${CLASSES[tone]}`}>
      <span aria-hidden="true">{SIGNS[tone]}</span>
      <span>{word ?? known ?? state}</span>
    </span>
  );
}
