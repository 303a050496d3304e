// The tree of an application: whose a replica is, and which branches are in trouble.
import { expect, test } from 'vitest';
import { type Resource, treeOf } from './tree';

function resource(kind: string, name: string, health = 'healthy', sync = 'synced'): Resource {
  return { kind, namespace: 'n', name, health, message: '', sync, differing_fields: [] };
}

test('a replica stands below the owner with the longest name that fits', () => {
  const branches = treeOf([
    resource('Service', 'web'),
    resource('Deployment', 'web'),
    resource('Deployment', 'web-admin'),
    resource('Pod', 'web-admin-5d-x'),
    resource('Pod', 'web-7f-a'),
    resource('Pod', 'alone'),
  ]);
  const told = branches.map(({ kind, objects }) => [
    kind,
    objects.map(({ object, replicas }) => [object.name, replicas.map(({ name }) => name)]),
  ]);
  expect(told).toEqual([
    ['Service', [['web', []]]],
    [
      'Deployment',
      [
        ['web', ['web-7f-a']],
        ['web-admin', ['web-admin-5d-x']],
      ],
    ],
    ['Pod', [['alone', []]]],
  ]);
});

test('trouble of a replica is trouble of its branch, and the worst health is told', () => {
  const [service, deployment] = treeOf([
    resource('Service', 'web'),
    resource('Deployment', 'web', 'progressing'),
    resource('Pod', 'web-1', 'degraded'),
  ]);
  expect([service?.troubled, service?.health]).toEqual([false, 'healthy']);
  expect([deployment?.troubled, deployment?.health]).toEqual([true, 'degraded']);
});

test('an object that differs from Git is in trouble, healthy or not', () => {
  const [branch] = treeOf([resource('ConfigMap', 'c', 'healthy', 'out_of_sync')]);
  expect(branch?.troubled).toBe(true);
});
