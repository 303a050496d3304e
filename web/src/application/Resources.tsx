// What an application consists of, as a tree or as a list, whole or only what is in trouble.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { lazy, type ReactNode, Suspense, useState } from 'react';
import { resourcesQuery } from '../data/queries';
import { Answer } from '../design/Answer';
import { State } from '../design/State';
import { Toggle } from '../design/Toggle';
import { useScreens } from '../messages/Messages';
import {
  type Branch,
  fullNameOf,
  isTroubled,
  type Node,
  nameOf,
  type Resource,
  treeOf,
} from './tree';

const Actions = lazy(() => import('./Actions'));
const route = getRouteApi('/applications/$name');

export function Resources({ name }: { name: string }): ReactNode {
  const { applications } = useScreens();
  const query = useQuery(resourcesQuery(name));
  const { view, only } = route.useSearch();
  const navigate = route.useNavigate();
  const chosen = view === 'list' ? 'list' : 'tree';
  const onlyTrouble = only === 'trouble';
  return (
    <Answer query={query}>
      {({ items }) => {
        const wellIsHidden = onlyTrouble && !items.some(isTroubled);
        return (
          <>
            <div className="flex flex-wrap items-center justify-between gap-2">
              <label className="inline-flex min-h-6 items-center gap-2 text-muted">
                <input
                  type="checkbox"
                  checked={onlyTrouble}
                  onChange={(event) => {
                    const { checked } = event.currentTarget;
                    void navigate({
                      search: ({ only: _, ...old }) =>
                        checked ? { ...old, only: 'trouble' } : old,
                    });
                  }}
                />
                {applications.onlyTrouble}
              </label>
              <Toggle
                label={applications.resources}
                names={{ tree: applications.tree, list: applications.list }}
                chosen={chosen}
                onChoose={(key) =>
                  void navigate({
                    search: ({ view: _, ...old }) => (key === 'list' ? { ...old, view: key } : old),
                  })
                }
              />
            </div>
            {wellIsHidden && <p className="mt-2 text-good">{applications.allWell}</p>}
            {chosen === 'tree' ? (
              <Tree branches={treeOf(items)} onlyTrouble={onlyTrouble} />
            ) : (
              <ul className="mt-2">
                {items
                  .filter((one) => !onlyTrouble || isTroubled(one))
                  .map((one) => (
                    <li key={fullNameOf(one)} className="border-b border-line py-2">
                      <Line one={one} />
                    </li>
                  ))}
              </ul>
            )}
          </>
        );
      }}
    </Answer>
  );
}

function Tree({ branches, onlyTrouble }: { branches: Branch[]; onlyTrouble: boolean }): ReactNode {
  return (
    <ul className="mt-2">
      {branches
        .filter(({ troubled }) => !onlyTrouble || troubled)
        .map(({ kind, objects, health, troubled }) => (
          <li key={kind} className="border-b border-line py-1">
            <details open={troubled}>
              <summary className="min-h-7 cursor-pointer py-1">
                <State state={health} /> <span className="font-semibold">{kind}</span>{' '}
                <span className="text-muted">{objects.length}</span>
              </summary>
              <ul className="ms-2 border-s border-line ps-4">
                {objects
                  .filter((node) => !onlyTrouble || node.troubled)
                  .map((node) => (
                    <li key={fullNameOf(node.object)} className="py-1">
                      <NodeBranch node={node} kindSaid onlyTrouble={onlyTrouble} />
                    </li>
                  ))}
              </ul>
            </details>
          </li>
        ))}
    </ul>
  );
}

interface NodeProps {
  node: Node;
  kindSaid?: boolean;
  onlyTrouble: boolean;
}

function NodeBranch({ node, kindSaid = false, onlyTrouble }: NodeProps): ReactNode {
  const { applications } = useScreens();
  const { object, made, replicas, troubled } = node;
  if (made.length === 0) return <Line one={object} kindSaid={kindSaid} />;
  return (
    <details open={troubled}>
      <summary className="min-h-7 cursor-pointer py-1">
        <Line one={object} kindSaid={kindSaid} inline />{' '}
        {replicas > 0 && <span className="text-muted">{applications.replicas(replicas)}</span>}
      </summary>
      <ul className="ms-1 border-s border-line ps-3 sm:ms-2 sm:ps-4">
        {object.has_actions && (
          <li className="py-1">
            <ActionsButton one={object} />
          </li>
        )}
        {made
          .filter((one) => !onlyTrouble || one.troubled)
          .map((one) => (
            <li key={fullNameOf(one.object)} className="py-1">
              <NodeBranch node={one} onlyTrouble={onlyTrouble} />
            </li>
          ))}
      </ul>
    </details>
  );
}

/** Not within a summary, which is a button itself. */
function ActionsButton({ one }: { one: Resource }): ReactNode {
  const { actions } = useScreens();
  const { name } = route.useParams();
  const [open, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        className="button"
        aria-label={actions.title(nameOf(one))}
        onClick={() => setOpen(true)}
      >
        {actions.open}
      </button>
      <Suspense>
        {open && <Actions application={name} one={one} onClose={() => setOpen(false)} />}
      </Suspense>
    </>
  );
}

interface LineProps {
  one: Resource;
  kindSaid?: boolean;
  inline?: boolean;
}

function Line({ one, kindSaid = false, inline = false }: LineProps): ReactNode {
  return (
    <span className={inline ? '*:me-2' : 'flex flex-wrap gap-x-3'}>
      <State state={one.health} />
      {!kindSaid && <span className="text-muted">{one.kind}</span>}
      <span>{one.name}</span>
      {one.sync !== 'synced' && <State state={one.sync} />}
      {one.differing_fields.length > 0 && <code>{one.differing_fields.join(', ')}</code>}
      {!inline && one.has_actions && <ActionsButton one={one} />}
      {one.message && <span className="block w-full text-muted">{one.message}</span>}
    </span>
  );
}
