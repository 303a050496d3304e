// Which section an address belongs to.
import { expect, test } from 'vitest';
import { sectionOf } from './sections';

test.each([
  ['/', '/'],
  ['/repositories', '/repositories'],
  ['/repositories/demo/hello', '/repositories'],
  ['/repositories/demo/pull-requests', '/repositories'],
  ['/repositories/demo/hello/pull-requests/2', '/pull-requests'],
  ['/runs/1', '/runs'],
  ['/runsheet', undefined],
  ['/setup', undefined],
])('%s belongs to %s', (pathname, section) => {
  expect(sectionOf(pathname)).toBe(section);
});
