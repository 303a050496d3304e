// Signs that turn text around are shown, and right-to-left text keeps to its place.
import { expect, test } from 'vitest';
import { isolated, seen } from './seen';

test('a sign that turns the order around is shown as its code', () => {
  expect(seen('photo\u202Egpj.exe')).toBe('photo⟨U+202E⟩gpj.exe');
  expect(seen('a\u2067b\u2069\u200Fc')).toBe('a⟨U+2067⟩b⟨U+2069⟩⟨U+200F⟩c');
});

test('everything else stays as it is', () => {
  const text = 'naïve 😀 👩‍👩‍👧 שלום <b>\t\n';
  expect(seen(text)).toBe(text);
});

test('in a sentence right-to-left text is set apart', () => {
  expect(isolated('שלום')).toBe('\u2068שלום\u2069');
  expect(isolated('hello')).toBe('hello');
});
