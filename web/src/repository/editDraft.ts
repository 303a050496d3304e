// What somebody changes in a file, with the version that they began from: kept until it is proposed.
import { useMemo } from 'react';
import { useDraft } from '../design/draft';

export interface EditDraft {
  /** The file's object when it was read; `null` when the file is to be made. */
  object: string | null;
  /** A commit that has this version. */
  commit: string;
  text: string;
}

export interface KeptEdit {
  draft: EditDraft | null;
  keep: (draft: EditDraft) => void;
  drop: () => void;
}

export function useEditDraft(revision: string, path: string): KeptEdit {
  const [kept, setKept] = useDraft(`edit ${revision} ${path}`);
  const draft = useMemo(() => readDraft(kept), [kept]);
  return {
    draft,
    keep: (next) => setKept(JSON.stringify(next)),
    drop: () => setKept(''),
  };
}

/** `null` for what is no draft: the browser's storage is not only ours. */
export function readDraft(kept: string): EditDraft | null {
  try {
    const draft = JSON.parse(kept) as Partial<EditDraft> | null;
    const { object, commit, text } = draft ?? {};
    const hasObject = typeof object === 'string' || object === null;
    if (!hasObject || typeof commit !== 'string' || typeof text !== 'string') return null;
    return { object, commit, text };
  } catch {
    return null;
  }
}
