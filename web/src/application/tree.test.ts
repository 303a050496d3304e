// The tree of an application: what stands below what, and which branches are in trouble.
import { expect, test } from 'vitest';
import { fullNameOf, type Node, type Resource, treeOf } from './tree';

interface More {
  health?: string;
  sync?: string;
  owner?: [string, string];
}

function resource(kind: string, name: string, more: More = {}): Resource {
  const { health = 'healthy', sync = 'synced', owner } = more;
  const below = owner && { owner: { kind: owner[0], name: owner[1] } };
  return { kind, namespace: 'n', name, health, message: '', sync, differing_fields: [], ...below };
}

function told({ object, made, replicas }: Node): unknown {
  return [object.name, replicas, made.map(told)];
}

test('what an object made stands below it, as deep as it goes', () => {
  const branches = treeOf([
    resource('Service', 'web'),
    resource('Deployment', 'web'),
    resource('Pod', 'web-7f-a', { owner: ['ReplicaSet', 'web-7f'] }),
    resource('Pod', 'web-7f-b', { owner: ['ReplicaSet', 'web-7f'] }),
    resource('ReplicaSet', 'web-7f', { owner: ['Deployment', 'web'] }),
    resource('ReplicaSet', 'web-6e', { owner: ['Deployment', 'web'] }),
    resource('Pod', 'alone', { owner: ['Node', 'elsewhere'] }),
  ]);
  expect(branches.map(({ kind, objects }) => [kind, objects.map(told)])).toEqual([
    ['Service', [['web', 0, []]]],
    [
      'Deployment',
      [
        [
          'web',
          2,
          [
            [
              'web-7f',
              2,
              [
                ['web-7f-a', 0, []],
                ['web-7f-b', 0, []],
              ],
            ],
            ['web-6e', 0, []],
          ],
        ],
      ],
    ],
    ['Pod', [['alone', 0, []]]],
  ]);
});

test('an object is named with its group, also that of the core group', () => {
  const service = resource('Service', 'web');
  expect(fullNameOf(service)).toBe('Service./n/web');
  const group = 'serving.example';
  expect(fullNameOf({ ...service, group })).toBe('Service.serving.example/n/web');
});

test('two kinds of one name are told apart by their groups', () => {
  const group = 'serving.example';
  const revision = {
    ...resource('Revision', 'web-1'),
    owner: { group, kind: 'Service', name: 'web' },
  };
  const branches = treeOf([
    resource('Service', 'web'),
    { ...resource('Service', 'web'), group },
    revision,
    resource('ServiceAccount', 'web'),
  ]);
  expect(branches.map(({ kind, objects }) => [kind, objects.map(told)])).toEqual([
    ['Service', [['web', 0, []]]],
    ['Service.serving.example', [['web', 0, [['web-1', 0, []]]]]],
    ['ServiceAccount', [['web', 0, []]]],
  ]);
});

test('trouble far below is trouble of its branch, and the worst health is told', () => {
  const [service, deployment] = treeOf([
    resource('Service', 'web'),
    resource('Deployment', 'web', { health: 'progressing' }),
    resource('ReplicaSet', 'web-1', { owner: ['Deployment', 'web'] }),
    resource('Pod', 'web-1-a', { health: 'degraded', owner: ['ReplicaSet', 'web-1'] }),
  ]);
  expect([service?.troubled, service?.health]).toEqual([false, 'healthy']);
  expect([deployment?.troubled, deployment?.health]).toEqual([true, 'degraded']);
  const [only] = deployment?.objects ?? [];
  expect(only?.made[0]?.health).toBe('degraded');
});

test('an object that differs from Git is in trouble, healthy or not', () => {
  const [branch] = treeOf([resource('ConfigMap', 'c', { sync: 'out_of_sync' })]);
  expect(branch?.troubled).toBe(true);
});
