// What a fact makes stale: what it is about, and nothing beside it.
import { expect, test } from 'vitest';
import type { Fact } from './client';
import { touchedBy } from './touched';

function check(kind: string, subject: string, expected: string[][]): void {
  const fact = { sequence: 1, at: '', actor: '', subject, kind, reason: '', body: {} } as Fact;
  expect(touchedBy(fact), kind).toEqual(expected);
}

test('a secret is in its list and says whether a notification can be signed', () => {
  const touched = [
    ['secrets', 'demo/hello'],
    ['notifications', 'demo/hello'],
  ];
  check('repositories.secret_set', 'repository:demo/hello', touched);
  check('repositories.secret_removed', 'repository:demo/hello', touched);
  check('repositories.repository_created', 'repository:demo/hello', [
    ['repositories'],
    ['repository', 'demo/hello'],
  ]);
});

test('what is declared goes somewhere', () => {
  check('deployments.application_declared', 'application:hello', [
    ['destinations'],
    ['status'],
    ['applications'],
    ['application'],
  ]);
});

test('a notification that went out changes how the last one went', () => {
  check('monitoring.notification_failed', 'incident:1', [['notifications']]);
});
