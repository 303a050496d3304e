// Where a build may be dropped: where it can be promoted and is not yet.
import { expect, test } from 'vitest';
import { targetsOf } from './targets';

test('a build may go where it can be promoted and is not', () => {
  const place = (environment: string, state: 'absent' | 'here', can_be_promoted: boolean) => ({
    environment,
    state,
    can_be_promoted,
  });
  const places = [
    place('staging', 'here', true),
    place('canary', 'absent', false),
    place('production', 'absent', true),
  ];
  expect(targetsOf(places)).toEqual(['production']);
  expect(targetsOf([])).toEqual([]);
});
