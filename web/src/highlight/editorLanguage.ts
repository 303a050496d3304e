// The languages and colours of the editor: the same grammars and classes as where a file is read.
import { LanguageSupport, LRLanguage, StreamLanguage } from '@codemirror/language';
import type { Extension } from '@codemirror/state';
import type { Parser } from '@lezer/common';
import { tagHighlighter } from '@lezer/highlight';
import './colours.css';
import { grammars, KINDS, readers } from './grammars';
import { languageOf } from './language';

export const editorColours = tagHighlighter(
  KINDS.map(({ tag, class: kind }) => ({ tag, class: `code-${kind}` })),
);

/** What an editor needs to know of the file's language; nothing when it is plain. */
export async function editorLanguageFor(path: string): Promise<Extension> {
  const language = languageOf(path);
  if (language === null) return [];
  // YAML's own support also knows how far a new line is indented.
  if (language === 'yaml') return (await import('@codemirror/lang-yaml')).yaml();
  const grammar = await grammars[language]?.();
  if (grammar && isGrammar(grammar)) {
    return new LanguageSupport(LRLanguage.define({ parser: grammar }));
  }
  const reader = await readers[language]?.();
  return reader ? StreamLanguage.define(reader) : [];
}

type Grammar = Parameters<typeof LRLanguage.define>[0]['parser'];

function isGrammar(parser: Parser): parser is Grammar {
  return 'configure' in parser;
}
