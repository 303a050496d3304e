// Folders that boucle.yaml names: plain and quoted, of the first level only.
import { expect, test } from 'vitest';
import { folderNamed } from './files';

const TEXT = `version: 1
artifacts:
  - objectives: no
applications: deploy/applications # one per environment
objectives: "./deploy/objectives/"
empty:
`;

test('a folder is found under its key', () => {
  expect(folderNamed(TEXT, 'applications')).toBe('deploy/applications');
  expect(folderNamed(TEXT, 'objectives')).toBe('deploy/objectives');
});

test('what names no folder gives none', () => {
  expect(folderNamed(TEXT, 'artifacts')).toBeNull();
  expect(folderNamed(TEXT, 'empty')).toBeNull();
  expect(folderNamed('objectives: *other', 'objectives')).toBeNull();
});
