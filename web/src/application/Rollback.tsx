// Going back: first what the revert commit would do, then the commit.

import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { answerOf, client } from '../data/client';
import { rollbackPreviewQuery } from '../data/queries';
import { Answer, Failure } from '../design/Answer';
import { Difference } from '../design/Difference';
import { Given } from '../design/Given';
import { Modal } from '../design/Modal';
import { Short } from '../design/Short';
import { useAction } from '../design/useAction';
import { useScreens } from '../messages/Messages';

export default function Rollback({
  name,
  onClose,
}: {
  name: string;
  onClose: () => void;
}): ReactNode {
  const { applications } = useScreens();
  const preview = useQuery(rollbackPreviewQuery(name));
  const [reason, setReason] = useState('');
  const [made, setMade] = useState<string | null>(null);
  const action = useAction();
  const go = (): void =>
    action.run(async () => {
      const result = await answerOf(
        client.POST('/api/v1/applications/{name}/rollback', {
          params: { path: { name } },
          body: { reason },
        }),
      );
      setMade(result.revert_commit);
    });
  return (
    <Modal title={applications.rollbackTitle(name)} onClose={onClose}>
      {made ? (
        <p>
          {applications.done} <Short id={made} />
        </p>
      ) : (
        <Answer query={preview}>
          {(data) => (
            <>
              <p>{applications.rollbackDoes}</p>
              <p className="mt-1">
                {applications.takesBack} <Short id={data.reverted_commit} />{' '}
                <Given text={data.subject} />
              </p>
              {data.files.map((file) => (
                <section key={file.path} className="mt-2">
                  <code>{file.path}</code>
                  <Difference unified={file.unified} />
                </section>
              ))}
              <label className="mt-3 grid gap-1 text-muted">
                {applications.reason}
                <input
                  className="field"
                  value={reason}
                  onChange={(event) => setReason(event.currentTarget.value)}
                />
              </label>
              {action.error !== null && <Failure error={action.error} />}
              <button
                type="button"
                className="button button-danger mt-3"
                disabled={action.busy}
                onClick={go}
              >
                {applications.confirm}
              </button>
            </>
          )}
        </Answer>
      )}
    </Modal>
  );
}
