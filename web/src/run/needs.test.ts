// Reading `needs`: the three ways to write it, and honesty about what is not read.
import { expect, test } from 'vitest';
import { readNeeds } from './needs';

const WORKFLOW = `
name: ci # jobs: none
on: push
jobs:
  test:
    runs-on: boucle
    steps:
      - run: |
          needs: nothing
  lint: # as well
    runs-on: boucle
  build:
    needs: [test, "lint"]
    runs-on: boucle
  publish:
    runs-on: boucle
    needs:
    - build
    - 'lint'
  tell:
    needs: publish
env:
  A: b
`;

test('a name, a list in a line and a list in lines are read', () => {
  expect([...(readNeeds(WORKFLOW) ?? [])]).toEqual([
    ['test', []],
    ['lint', []],
    ['build', ['test', 'lint']],
    ['publish', ['build', 'lint']],
    ['tell', ['publish']],
  ]);
});

test('what is written in another way is not guessed', () => {
  expect(readNeeds('jobs: {a: {needs: b}}')).toBeNull();
  expect(readNeeds('jobs:\n  a: *other\n')).toBeNull();
  expect(readNeeds('jobs:\n  a:\n    needs: *names\n')).toBeNull();
  expect(readNeeds('jobs:\n  a:\n    <<: *base\n')).toBeNull();
  expect(readNeeds('name: x\n')).toBeNull();
});
