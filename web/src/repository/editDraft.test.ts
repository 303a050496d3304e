// Drafts that come back from the browser's storage.
import { expect, test } from 'vitest';
import { readDraft } from './editDraft';

test('a draft comes back as it was kept, also when everything was deleted', () => {
  const draft = { object: 'a1', commit: 'c1', text: '' };
  expect(readDraft(JSON.stringify(draft))).toEqual(draft);
  expect(readDraft(JSON.stringify({ ...draft, object: null }))?.object).toBeNull();
});

test.each(['', 'null', '{', '{"object":"a1","text":"b"}', '{"commit":"c1","text":"b"}', '"text"'])(
  '%s is no draft',
  (kept) => {
    expect(readDraft(kept)).toBeNull();
  },
);
