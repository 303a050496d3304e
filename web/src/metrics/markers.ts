// Where deployments stand in a chart: facts of the ledger on its axis of time.
import type { Fact } from '../data/client';
import { field } from '../data/touched';

export interface Marker {
  sequence: number;
  application: string;
  /** In seconds, as charts count. */
  time: number;
  at: string;
  outcome: string;
}

/** The deployments within the span, oldest first. */
export function markersOf(facts: readonly Fact[], [start, end]: [number, number]): Marker[] {
  return facts
    .flatMap((fact): Marker[] => {
      const application = field(fact, 'application');
      const time = Date.parse(fact.at) / 1000;
      if (fact.kind !== 'deployments.applied' || !application) return [];
      if (!(time >= start && time <= end)) return [];
      const outcome = field(fact, 'outcome') ?? '';
      return [{ sequence: fact.sequence, application, time, at: fact.at, outcome }];
    })
    .toSorted((one, other) => one.time - other.time);
}
