// The objects of an application as a tree: kind, object, and what each object made.
import type { components } from '../data/api-types';
import { toneOf } from '../design/State';

export type Resource = components['schemas']['Resource'];
export type ObjectAction = components['schemas']['ObjectAction'];

export interface Branch {
  /** With its group where another one is called alike. */
  kind: string;
  objects: Node[];
  /** The worst health in it. */
  health: string;
  troubled: boolean;
}

export interface Node {
  object: Resource;
  made: Node[];
  /** How many pods are below it. */
  replicas: number;
  /** The worst health of it and all below. */
  health: string;
  troubled: boolean;
}

const FROM_WORST = ['bad', 'wait', 'calm', 'good'];

interface Named {
  group?: string;
  kind: string;
  namespace: string;
  name: string;
}

/** For people. */
export function nameOf({ kind, namespace, name }: Named): string {
  return `${kind}/${namespace}/${name}`;
}

/** As the interface takes it, also where two kinds have one name. */
export function fullNameOf({ group = '', kind, namespace, name }: Named): string {
  return `${kind}.${group}/${namespace}/${name}`;
}

export function isTroubled({ health, sync }: Resource): boolean {
  return ['bad', 'wait'].includes(toneOf(health)) || sync !== 'synced';
}

export function treeOf(resources: readonly Resource[]): Branch[] {
  const known = new Set(resources.map(fullNameOf));
  const made = new Map<string, Resource[]>();
  const kinds = new Map<string, Resource[]>();
  for (const one of resources) {
    const owner = one.owner ? fullNameOf({ ...one.owner, namespace: one.namespace }) : undefined;
    if (owner !== undefined && known.has(owner)) {
      made.set(owner, [...(made.get(owner) ?? []), one]);
    } else {
      const kind = `${one.kind}.${one.group ?? ''}`;
      kinds.set(kind, [...(kinds.get(kind) ?? []), one]);
    }
  }
  const node = (object: Resource): Node => {
    const below = (made.get(fullNameOf(object)) ?? []).map(node);
    return {
      object,
      made: below,
      replicas: below.reduce(
        (sum, one) => sum + one.replicas + (one.object.kind === 'Pod' ? 1 : 0),
        0,
      ),
      health: worst([object, ...below]),
      troubled: isTroubled(object) || below.some(({ troubled }) => troubled),
    };
  };
  const alike = (kind: string): boolean =>
    [...kinds.keys()].filter((one) => one.startsWith(`${kind}.`)).length > 1;
  return [...kinds].map(([full, roots]) => {
    const objects = roots.map(node);
    const [kind = full] = full.split('.');
    return {
      kind: alike(kind) ? full.replace(/\.$/, '') : kind,
      objects,
      health: worst(objects),
      troubled: objects.some(({ troubled }) => troubled),
    };
  });
}

function worst(all: readonly { health: string }[]): string {
  const rank = (health: string): number => FROM_WORST.indexOf(toneOf(health));
  return all.map(({ health }) => health).toSorted((one, other) => rank(one) - rank(other))[0] ?? '';
}
