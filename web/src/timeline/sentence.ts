// Tells a fact in words: its kind's sentence with its own fields, codes said in the reader's language.

import type { Fact } from '../data/client';
import { short } from '../design/Short';
import { isolated } from '../design/seen';
import type { FactMessages } from '../messages/en-facts';

type Fields = Record<string, unknown>;

export function sentenceOf(fact: Fact, { sentences, words }: FactMessages): string {
  const sentence = (sentences as Record<string, string>)[fact.kind];
  if (!sentence) return `${fact.kind} ${fact.subject}`;
  return tidy(fill(sentence, fieldsOf(fact.body), words));
}

function fill(sentence: string, fields: Fields, words: Record<string, string>): string {
  return sentence.replaceAll(/\{(\w+)\}/g, (_, name: string) => say(fields[name], words));
}

function say(value: unknown, words: Record<string, string>): string {
  if (value === null || value === undefined) return '';
  if (typeof value === 'string')
    return words[value.replaceAll('_', '-')] ?? words[value] ?? shorten(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value))
    return value
      .map((one) => say(one, words))
      .filter(Boolean)
      .join('; ');
  return sayObject(fieldsOf(value), words);
}

/** A code with its own fields, `{code: 'not-verified-before', environment: …}` or `{reverted: {…}}`. */
function sayObject(fields: Fields, words: Record<string, string>): string {
  const codes = Object.values(fields).filter((one) => typeof one === 'string');
  const code = codes.map((one) => one.replaceAll('_', '-')).find((one) => one in words) ?? '';
  const known = words[code];
  if (known) return fill(known, fields, words);
  const [[name, inner] = []] = Object.entries(fields);
  if (name && words[name.replaceAll('_', '-')]) {
    return fill(words[name.replaceAll('_', '-')] ?? '', fieldsOf(inner), words);
  }
  if (typeof fields.sentence === 'string') return isolated(fields.sentence);
  if (typeof fields.name === 'string')
    return isolated(fields.kind ? `${String(fields.kind)} ${fields.name}` : fields.name);
  return (
    code ||
    Object.values(fields)
      .map((one) => say(one, words))
      .filter(Boolean)
      .join(' ')
  );
}

function shorten(text: string): string {
  return /^(sha256:)?[0-9a-f]{40,64}$/.test(text)
    ? short(text)
    : isolated(text.replace(/^refs\/heads\//, ''));
}

/** Fields that a fact does not have leave no marks behind. */
function tidy(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/ ?\(\)/g, '')
    .replaceAll(/[:.] *$/g, '')
    .replaceAll(/: \. /g, '. ')
    .trim();
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
