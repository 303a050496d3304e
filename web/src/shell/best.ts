// Of many names those that fit what was written best: a list of thousands is not looked through.
import { defaultFilter } from 'cmdk';

const SHOWN_MAX = 50;

export function best<T>(all: T[], nameOf: (one: T) => string, text: string): T[] {
  if (all.length <= SHOWN_MAX) return all;
  if (text.trim() === '') return all.slice(0, SHOWN_MAX);
  const scored = all.map((one) => ({ one, score: defaultFilter(nameOf(one), text) }));
  const fitting = scored.filter(({ score }) => score > 0);
  fitting.sort((one, other) => other.score - one.score);
  return fitting.slice(0, SHOWN_MAX).map(({ one }) => one);
}
