// Relative links of a README lead to files of its own revision, and never out of the repository.
import { expect, test } from 'vitest';
import { addressOf } from './relative';

const place = { owner: 'demo', name: 'hello' };

test.each([
  ['README.md', 'docs/a.md', 'path=docs%2Fa.md'],
  ['docs/README.md', './b.md', 'path=docs%2Fb.md'],
  ['docs/README.md', '../LICENSE', 'path=LICENSE'],
  ['README.md', '../../../etc/passwd', 'path=etc%2Fpasswd'],
  ['README.md', 'a%20b.md#top', 'path=a+b.md#top'],
  ['README.md', '100%.md', 'path=100%25.md'],
])('from %s, %s is %s', (from, link, asked) => {
  expect(addressOf(place, '', from, link)).toBe(`/repositories/demo/hello?${asked}`);
});

test('the revision stays', () => {
  expect(addressOf(place, 'next', 'README.md', 'a')).toContain('path=a&revision=next');
});
