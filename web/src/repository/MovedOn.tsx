// Somebody else changed the file that one is editing: what they changed, and how to go on.
import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useMemo } from 'react';
import type { components } from '../data/api-types';
import { fileQuery } from '../data/queries';
import { Loading } from '../design/Answer';
import { Difference } from '../design/Difference';
import { useScreens } from '../messages/Messages';
import { carried, unifiedOf } from './carry';
import type { EditDraft } from './editDraft';
import type { FileAt } from './Lines';

interface MovedOnProps {
  at: FileAt;
  draft: EditDraft;
  /** The file as it is now; `null` when it is no more. */
  now: (components['schemas']['File'] & { text: string }) | null;
  /** Goes on from the version of now, with this text. */
  onGoOn: (draft: EditDraft) => void;
}

export default function MovedOn({ at, draft, now, onGoOn }: MovedOnProps): ReactNode {
  const { edit } = useScreens();
  const goOn = (text: string): void =>
    onGoOn({ object: now?.object ?? null, commit: now?.commit.id ?? draft.commit, text });
  return (
    <section
      aria-labelledby="moved-on"
      className="mb-3 border-s-4 border-wait bg-wait-ground px-4 py-3"
    >
      <h2 id="moved-on" role="alert" className="text-wait">
        {now ? edit.movedOn : edit.gone}
      </h2>
      <p>{edit.kept}</p>
      {now ? (
        <Compared at={at} draft={draft} now={now} onGoOn={goOn} />
      ) : (
        <button type="button" className="button mt-2" onClick={() => goOn(draft.text)}>
          {edit.makeAgain}
        </button>
      )}
    </section>
  );
}

interface ComparedProps {
  at: FileAt;
  draft: EditDraft;
  now: { text: string };
  onGoOn: (text: string) => void;
}

function Compared({ at, draft, now, onGoOn }: ComparedProps): ReactNode {
  const { edit } = useScreens();
  const query = useQuery(fileQuery(at.place, draft.commit, at.path));
  const base = query.data?.text ?? null;
  const unified = useMemo(() => (base === null ? null : unifiedOf(base, now.text)), [base, now]);
  const joined = useMemo(
    () => (base === null ? null : carried(base, draft.text, now.text)),
    [base, draft.text, now],
  );
  if (query.isLoading) return <Loading />;
  return (
    <>
      {unified === null ? (
        <p className="mt-2">{edit.noDifference}</p>
      ) : (
        <>
          <p className="mt-2 font-semibold">{edit.theirs}</p>
          <div className="mt-1 max-h-80 overflow-y-auto">
            <Difference unified={unified} path={at.path} />
          </div>
        </>
      )}
      <p className="mt-2 max-w-prose">{joined === null ? edit.sameLines : edit.otherLines}</p>
      <div className="mt-2 flex flex-wrap gap-2">
        {joined !== null && (
          <button type="button" className="button button-first" onClick={() => onGoOn(joined)}>
            {edit.carry}
          </button>
        )}
        <button type="button" className="button" onClick={() => onGoOn(draft.text)}>
          {edit.keepMine}
        </button>
      </div>
      <p className="mt-1 text-muted">{edit.keepMineMeans}</p>
    </>
  );
}
