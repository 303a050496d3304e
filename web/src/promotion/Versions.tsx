// Each build in each environment: where it is, why it waits, and promoting it by button or by drag.

import { useQuery } from '@tanstack/react-query';
import { type DragEvent, lazy, type ReactNode, Suspense, useState } from 'react';
import type { components } from '../data/api-types';
import { type Place, versionsQuery } from '../data/queries';
import { Answer, Empty, Reasons } from '../design/Answer';
import { Given } from '../design/Given';
import { Short } from '../design/Short';
import { State } from '../design/State';
import { Time } from '../design/Time';
import { useScreens } from '../messages/Messages';
import { allows, targetsOf } from './targets';

const Confirm = lazy(() => import('./Confirm'));

type Version = components['schemas']['Version'];

interface Asked {
  version: Version;
  environment: string;
}

export function Versions({ place }: { place: Place }): ReactNode {
  const { promotion } = useScreens();
  const query = useQuery(versionsQuery(place));
  const [asked, setAsked] = useState<Asked | null>(null);
  // The build that is being dragged, by its digest.
  const [dragged, setDragged] = useState<string | null>(null);
  return (
    <Answer query={query}>
      {({ items }) => {
        const [first] = items;
        if (!first) return <Empty title={promotion.empty} next={promotion.emptyNext} />;
        return (
          <>
            <div className="mt-4 overflow-x-auto">
              <table className="rows rows-stacked">
                <thead>
                  <tr>
                    <th scope="col">{promotion.build}</th>
                    {first.places.map(({ environment }) => (
                      <th key={environment} scope="col">
                        {environment}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {items.map((version) => (
                    <Line
                      key={version.digest}
                      version={version}
                      isDragged={dragged === version.digest}
                      onDrag={setDragged}
                      onAsk={setAsked}
                    />
                  ))}
                </tbody>
              </table>
            </div>
            <Suspense>
              {asked && <Confirm place={place} {...asked} onClose={() => setAsked(null)} />}
            </Suspense>
          </>
        );
      }}
    </Answer>
  );
}

interface LineProps {
  version: Version;
  isDragged: boolean;
  onDrag: (digest: string | null) => void;
  onAsk: (asked: Asked) => void;
}

function Line({ version, isDragged, onDrag, onAsk }: LineProps): ReactNode {
  const targets = targetsOf(version.places);
  return (
    <tr>
      <td className="sm:min-w-52">
        <Card version={version} targets={targets} isDragged={isDragged} onDrag={onDrag} />
      </td>
      {version.places.map((one) => (
        <Cell
          key={one.environment}
          version={version}
          one={one}
          isTarget={isDragged && allows(one)}
          onAsk={() => onAsk({ version, environment: one.environment })}
        />
      ))}
    </tr>
  );
}

interface CardProps {
  version: Version;
  targets: string[];
  isDragged: boolean;
  onDrag: (digest: string | null) => void;
}

function Card({ version, targets, isDragged, onDrag }: CardProps): ReactNode {
  const { promotion, review } = useScreens();
  const canBeDragged = targets.length > 0;
  return (
    // Dragging is the pointer's way; the buttons of the environments are everybody's.
    // biome-ignore lint/a11y/noStaticElementInteractions: see above
    <div
      draggable={canBeDragged}
      title={canBeDragged ? review.drag(targets.join(', ')) : undefined}
      className={`${canBeDragged ? 'cursor-grab' : ''} ${isDragged ? 'opacity-60' : ''}`}
      onDragStart={(event) => {
        event.dataTransfer.setData('text/plain', version.digest);
        event.dataTransfer.effectAllowed = 'move';
        onDrag(version.digest);
      }}
      onDragEnd={() => onDrag(null)}
    >
      <p>
        {canBeDragged && (
          <span aria-hidden="true" className="me-1 select-none text-muted">
            ⠿
          </span>
        )}
        {version.artifact} <Short id={version.digest} />
      </p>
      <p>
        <Given text={version.subject} />
      </p>
      <p className="text-muted">
        {promotion.by(version.author)} <Time at={version.published_at} />
      </p>
      {version.quarantined && <p className="text-bad">{promotion.quarantined}</p>}
    </div>
  );
}

interface CellProps {
  version: Version;
  one: Version['places'][number];
  /** A build is being dragged that may be dropped here. */
  isTarget: boolean;
  onAsk: () => void;
}

function Cell({ version, one, isTarget, onAsk }: CellProps): ReactNode {
  const { promotion, review } = useScreens();
  const over = (event: DragEvent): void => {
    if (isTarget) event.preventDefault();
  };
  const drop = (event: DragEvent): void => {
    if (!isTarget || event.dataTransfer.getData('text/plain') !== version.digest) return;
    event.preventDefault();
    onAsk();
  };
  return (
    <td
      className={`sm:min-w-40 ${isTarget ? 'bg-accent-ground shadow-[-8px_0_0_var(--accent-ground)]' : ''}`}
      onDragOver={over}
      onDrop={drop}
    >
      <span aria-hidden="true" className="font-semibold sm:hidden">
        {one.environment}{' '}
      </span>
      <State state={one.state} word={promotion.states[one.state]} />{' '}
      {one.at && <Time at={one.at} />}
      {one.reasons.length > 0 && <Reasons reasons={one.reasons} />}
      {allows(one) && (
        <div className="mt-1">
          <button type="button" className="button" onClick={onAsk}>
            {promotion.promote(one.environment)}
          </button>
        </div>
      )}
      {isTarget && <p className="mt-1 text-accent">{review.drop}</p>}
    </td>
  );
}
