// Asks before a build is promoted, and says what came of it.

import { useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import type { components } from '../data/api-types';
import { answerOf, client } from '../data/client';
import type { Place } from '../data/queries';
import { Failure } from '../design/Answer';
import { Given } from '../design/Given';
import { Modal } from '../design/Modal';
import { short } from '../design/Short';
import { useAction } from '../design/useAction';
import { useScreens } from '../messages/Messages';

type Done = components['schemas']['PromotedByHand'];

interface ConfirmProps {
  place: Place;
  version: components['schemas']['Version'];
  environment: string;
  onClose: () => void;
}

export default function Confirm({ place, version, environment, onClose }: ConfirmProps): ReactNode {
  const { promotion, review } = useScreens();
  const queries = useQueryClient();
  const [done, setDone] = useState<Done | null>(null);
  const action = useAction(() => {
    void queries.invalidateQueries({ queryKey: ['environments'] });
  });
  const promote = (): void =>
    action.run(async () =>
      setDone(
        await answerOf(
          client.POST('/api/v1/repositories/{owner}/{name}/environments/{environment}/promotions', {
            params: { path: { ...place, environment } },
            body: { artifact: version.artifact, digest: version.digest },
          }),
        ),
      ),
    );
  return (
    <Modal title={promotion.ask(short(version.digest), environment)} onClose={onClose}>
      <p>
        <Given text={version.subject} />
      </p>
      <p className="text-muted">{promotion.by(version.author)}</p>
      {action.error !== null && <Failure error={action.error} />}
      {done ? (
        <p role="status" className="mt-3 text-good">
          {done.pull_request ? (
            <Link
              to="/repositories/$owner/$name/pull-requests/$number"
              params={{ ...place, number: String(done.pull_request) }}
            >
              {promotion.proposed(done.pull_request)}
            </Link>
          ) : (
            review.recorded(environment)
          )}
        </p>
      ) : (
        <button
          type="button"
          className="button button-first mt-3"
          disabled={action.busy}
          onClick={promote}
        >
          {promotion.promote(environment)}
        </button>
      )}
    </Modal>
  );
}
