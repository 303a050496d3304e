// Facts told in words: codes inside them are said, ids are short, nothing is left of absent fields.
import { expect, test } from 'vitest';
import type { Fact } from '../data/client';
import { enFacts } from '../messages/en-facts';
import { sentenceOf } from './sentence';

function check(kind: string, body: object, expected: string): void {
  const fact = { sequence: 1, at: '', actor: '', subject: 's', kind, reason: '', body } as Fact;
  expect(sentenceOf(fact, enFacts)).toBe(expected);
}

test('a fact is told with its own fields', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  check(
    'control.promoted',
    { artifact: 'hello', digest, environment: 'staging' },
    'hello aaaaaaaaaa goes into staging',
  );
  check('deployments.health_changed', { application: 'a', status: 'healthy' }, 'a is healthy');
});

test('codes inside are said with their fields', () => {
  const resolution = { resolution: 'healthy_revision', revision: 'b'.repeat(40) };
  check(
    'monitoring.incident_resolved',
    { incident: 1, resolution },
    'Incident 1 is over: bbbbbbbbbb is healthy',
  );
  const reasons = [{ code: 'not-deployed-before', environment: 'staging' }];
  check(
    'control.promotion_waiting',
    { artifact: 'hello', digest: 'd', environment: 'production', reasons },
    'hello d waits to enter production: staging does not run it yet',
  );
});

test('a kind that nobody translated is shown as it is', () => {
  check('new.kind', {}, 'new.kind s');
});
