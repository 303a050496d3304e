// Which files of a pull request one has viewed, remembered for its newest patch set.
import { useMemo, useState } from 'react';
import type { PullRequest } from '../data/client';
import { remembered } from '../data/remembered';
import { useStore } from '../data/store';

interface Viewed {
  count: number;
  has: (path: string) => boolean;
  set: (path: string, viewed: boolean) => void;
}

/** The files that were viewed at this head; another patch set begins anew. */
export function readViewed(text: string | null, head: string): string[] {
  const [known, ...paths] = (text ?? '').split('\n');
  return known === head ? paths.filter((path) => path !== '') : [];
}

export function writeViewed(head: string, paths: string[]): string | null {
  return paths.length === 0 ? null : [head, ...paths].join('\n');
}

/** How many of the files that there are were viewed. */
export function countViewed(viewed: string[], files: string[]): number {
  const known = new Set(viewed);
  return files.filter((path) => known.has(path)).length;
}

export function useViewed(one: PullRequest, files: string[]): Viewed {
  const [store] = useState(() => remembered(`viewed ${one.repository} ${one.number}`));
  const text = useStore(store);
  return useMemo(() => {
    const viewed = readViewed(text, one.head);
    return {
      count: countViewed(viewed, files),
      has: (path) => viewed.includes(path),
      set: (path, now) => {
        const others = viewed.filter((other) => other !== path);
        store.set(writeViewed(one.head, now ? [...others, path] : others));
      },
    };
  }, [store, text, one.head, files]);
}
