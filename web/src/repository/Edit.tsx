// A change of one file as a pull request. What is typed is kept, also when somebody else was faster.
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { lazy, type ReactNode, Suspense } from 'react';
import type { components } from '../data/api-types';
import { answerOf, client } from '../data/client';
import { problemOf } from '../data/problem';
import { Failure, Loading } from '../design/Answer';
import { useDraft } from '../design/draft';
import { useAction } from '../design/useAction';
import { useScreens } from '../messages/Messages';
import { type EditDraft, useEditDraft } from './editDraft';
import type { FileAt } from './Lines';

const Editor = lazy(() => import('./Editor'));
const MovedOn = lazy(() => import('./MovedOn'));

interface EditProps {
  at: FileAt;
  file: components['schemas']['File'];
  text: string;
  /** The file was there and is no more. */
  gone: boolean;
}

export function Edit({ at, file, text, gone }: EditProps): ReactNode {
  const { repositories } = useScreens();
  const { place, revision, path } = at;
  const navigate = useNavigate();
  const queries = useQueryClient();
  const { draft, keep, drop } = useEditDraft(revision, path);
  const [title, setTitle] = useDraft(`title ${revision} ${path}`);
  const action = useAction();
  const begun: EditDraft = draft ?? { object: file.object, commit: file.commit.id, text };
  const movedOn = draft !== null && draft.object !== (gone ? null : file.object);
  const propose = (): void =>
    action.run(async () => {
      const edits = [{ path, text: begun.text, expected_object: begun.object }];
      const body = { title, edits, ...(revision ? { base: revision } : {}) };
      const asked = client.POST('/api/v1/repositories/{owner}/{name}/edits', {
        params: { path: place },
        body,
      });
      const opened = await answerOf(asked).catch((error: unknown) => {
        // The new version comes in: then what the other changed is shown.
        if (problemOf(error).code === 'moved-on') {
          const queryKey = ['repository', `${place.owner}/${place.name}`, 'file'];
          void queries.invalidateQueries({ queryKey });
        }
        throw error;
      });
      drop();
      setTitle('');
      await navigate({
        to: '/repositories/$owner/$name/pull-requests/$number',
        params: { ...place, number: String(opened.number) },
      });
    });
  return (
    <Suspense fallback={<Loading />}>
      {movedOn && (
        <MovedOn at={at} draft={draft} now={gone ? null : { ...file, text }} onGoOn={keep} />
      )}
      <Editor path={path} text={begun.text} onChange={(next) => keep({ ...begun, text: next })} />
      <label className="mt-2 grid max-w-prose gap-1 text-muted">
        {repositories.changeTitle}
        <input
          className="field"
          value={title}
          onChange={(event) => setTitle(event.currentTarget.value)}
        />
      </label>
      {action.error !== null && !movedOn && <Failure error={action.error} />}
      <button
        type="button"
        className="button button-first mt-2"
        disabled={action.busy || movedOn || title.trim() === '' || draft === null}
        onClick={propose}
      >
        {repositories.propose}
      </button>
    </Suspense>
  );
}
