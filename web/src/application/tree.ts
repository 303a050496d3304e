// The objects of an application as a tree: kind, object, and the replicas that carry its name.
import type { components } from '../data/api-types';
import { toneOf } from '../design/State';

export type Resource = components['schemas']['Resource'];

export interface Branch {
  kind: string;
  objects: Owner[];
  /** The worst health in it. */
  health: string;
  troubled: boolean;
}

export interface Owner {
  object: Resource;
  replicas: Resource[];
  health: string;
  troubled: boolean;
}

const REPLICA = 'Pod';
const OWNERS = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job', 'CronJob']);
const FROM_WORST = ['bad', 'wait', 'calm', 'good'];

export function keyOf({ kind, namespace, name }: Resource): string {
  return `${kind}/${namespace}/${name}`;
}

export function isTroubled({ health, sync }: Resource): boolean {
  return ['bad', 'wait'].includes(toneOf(health)) || sync !== 'synced';
}

export function treeOf(resources: readonly Resource[]): Branch[] {
  const owners = resources.filter(({ kind }) => OWNERS.has(kind));
  const replicas = new Map<Resource, Resource[]>();
  const owned = new Set<Resource>();
  for (const one of resources) {
    const owner = one.kind === REPLICA ? ownerOf(one, owners) : undefined;
    if (!owner) continue;
    owned.add(one);
    replicas.set(owner, [...(replicas.get(owner) ?? []), one]);
  }
  const kinds = new Map<string, Owner[]>();
  for (const object of resources) {
    if (owned.has(object)) continue;
    const own = replicas.get(object) ?? [];
    const all = [object, ...own];
    const owner = { object, replicas: own, health: worst(all), troubled: all.some(isTroubled) };
    kinds.set(object.kind, [...(kinds.get(object.kind) ?? []), owner]);
  }
  return [...kinds].map(([kind, objects]) => ({
    kind,
    objects,
    health: worst(objects),
    troubled: objects.some(({ troubled }) => troubled),
  }));
}

/** A replica is named after its owner; of two that fit, the longer name is nearer. */
function ownerOf(replica: Resource, owners: readonly Resource[]): Resource | undefined {
  return owners
    .filter(
      ({ namespace, name }) =>
        namespace === replica.namespace && replica.name.startsWith(`${name}-`),
    )
    .toSorted((one, other) => other.name.length - one.name.length)[0];
}

function worst(all: readonly { health: string }[]): string {
  const rank = (health: string): number => FROM_WORST.indexOf(toneOf(health));
  return all.map(({ health }) => health).toSorted((one, other) => rank(one) - rank(other))[0] ?? '';
}
