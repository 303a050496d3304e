// Where passkeys can work, and what a new one is called.
import { expect, test } from 'vitest';
import { addressByName, deviceLabel, reachAt } from './passkeys';

test('passkeys work under names, and not under addresses of numbers', () => {
  expect(reachAt('localhost', true)).toBe('here');
  expect(reachAt('boucle.example', true)).toBe('here');
  expect(reachAt('127.0.0.1', true)).toBe('by-name');
  expect(reachAt('[::1]', true)).toBe('by-name');
  expect(reachAt('localhost', false)).toBe('never');
});

test('the same page has a name, and keeps its secret', () => {
  expect(addressByName('http://127.0.0.1:7070/setup?x=1#secret')).toBe(
    'http://localhost:7070/setup?x=1#secret',
  );
  expect(addressByName('http://[::1]:7070/')).toBe('http://localhost:7070/');
});

test('a new passkey is called by its browser and system where they are known', () => {
  const words = { device: 'This device', on: (a: string, b: string) => `${a} on ${b}` };
  const chrome = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/150.0 Safari/537.36';
  expect(deviceLabel(chrome, words)).toBe('Chrome on Linux');
  expect(deviceLabel(`${chrome} Edg/150.0`, words)).toBe('Edge on Linux');
  expect(deviceLabel('Mozilla/5.0 (iPhone; CPU iPhone OS 19_0) Safari/604.1', words)).toBe(
    'Safari on iOS',
  );
  expect(deviceLabel('curl/8', words)).toBe('This device');
});
