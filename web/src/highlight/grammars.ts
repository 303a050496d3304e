// The grammar or the line reader of each language, loaded when it is first needed, and what their tags
// are to us.
import type { StreamParser } from '@codemirror/streamparser';
import type { Parser } from '@lezer/common';
import { type Tag, tags } from '@lezer/highlight';
import type { Language } from './language';
import type { Kind } from './pieces';

export const grammars: Partial<Record<Language, () => Promise<Parser>>> = {
  yaml: async () => (await import('@lezer/yaml')).parser,
  rust: async () => (await import('@lezer/rust')).parser,
  go: async () => (await import('@lezer/go')).parser,
  json: async () => (await import('@lezer/json')).parser,
  javascript: async () => (await import('@lezer/javascript')).parser.configure({ dialect: 'jsx' }),
  typescript: async () =>
    (await import('@lezer/javascript')).parser.configure({ dialect: 'ts jsx' }),
};

export const readers: Partial<Record<Language, () => Promise<StreamParser<unknown>>>> = {
  shell: async () => (await import('@codemirror/legacy-modes/mode/shell')).shell,
  toml: async () => (await import('@codemirror/legacy-modes/mode/toml')).toml,
  dockerfile: async () => (await import('@codemirror/legacy-modes/mode/dockerfile')).dockerFile,
};

const { definition, special } = tags;
/** What each tag of a grammar is to us; of several that fit, the most exact one counts. */
export const KINDS: { tag: Tag | readonly Tag[]; class: Kind }[] = [
  { tag: tags.comment, class: 'comment' },
  { tag: [tags.keyword, tags.modifier, tags.self, tags.operatorKeyword], class: 'keyword' },
  { tag: [tags.string, tags.regexp, tags.character, special(tags.string)], class: 'string' },
  { tag: [tags.number, tags.bool, tags.null, tags.atom, tags.escape], class: 'literal' },
  { tag: [tags.typeName, tags.className, tags.namespace, tags.macroName], class: 'type' },
  {
    tag: [tags.propertyName, definition(tags.propertyName), tags.attributeName, tags.tagName],
    class: 'name',
  },
  {
    tag: [tags.function(tags.variableName), tags.function(tags.propertyName), tags.labelName],
    class: 'name',
  },
  { tag: [tags.punctuation, tags.operator, tags.meta], class: 'punctuation' },
];
