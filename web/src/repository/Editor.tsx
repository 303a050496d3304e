// The editor of a file: CodeMirror, with the page's colours and words; loaded when somebody edits.
import { defaultKeymap, history, historyKeymap, indentWithTab } from '@codemirror/commands';
import { bracketMatching, indentOnInput, syntaxHighlighting } from '@codemirror/language';
import { Compartment, EditorState, type Extension } from '@codemirror/state';
import {
  drawSelection,
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  highlightSpecialChars,
  keymap,
  lineNumbers,
} from '@codemirror/view';
import { getNonce } from 'get-nonce';
import { type ReactNode, useEffect, useId, useRef } from 'react';
import { editorColours, editorLanguageFor } from '../highlight/editorLanguage';
import { useScreens } from '../messages/Messages';
import './editor.css';

interface EditorProps {
  path: string;
  text: string;
  onChange: (text: string) => void;
}

export default function Editor({ path, text, onChange }: EditorProps): ReactNode {
  const { edit } = useScreens();
  const hint = useId();
  const host = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const change = useRef(onChange);
  const first = useRef(text);
  // The text that this editor was given or gave last: what differs from it comes from elsewhere.
  const known = useRef(text);
  const words = useRef(edit.phrases);
  change.current = onChange;

  useEffect(() => {
    if (!host.current) return;
    const language = new Compartment();
    const say = (next: string): void => {
      known.current = next;
      change.current(next);
    };
    // What scrolls must be reachable by keyboard, and be known to be.
    const attributes = { 'aria-label': path, 'aria-describedby': hint, tabindex: '0' };
    const opened = new EditorView({
      parent: host.current,
      state: EditorState.create({
        doc: first.current,
        extensions: [
          language.of([]),
          EditorView.contentAttributes.of(attributes),
          EditorState.phrases.of(words.current),
          extensionsFor(first.current, say),
        ],
      }),
    });
    view.current = opened;
    let wanted = true;
    // Without colours it can be edited all the same.
    editorLanguageFor(path).then(
      (found) => wanted && opened.dispatch({ effects: language.reconfigure(found) }),
      () => undefined,
    );
    return () => {
      wanted = false;
      view.current = null;
      first.current = known.current;
      opened.destroy();
    };
  }, [path, hint]);

  useEffect(() => {
    const opened = view.current;
    if (!opened || text === known.current) return;
    known.current = text;
    opened.dispatch({ changes: { from: 0, to: opened.state.doc.length, insert: text } });
  }, [text]);

  return (
    <>
      <div ref={host} className="editor" />
      <p id={hint} className="mt-1 text-muted">
        {edit.hint}
      </p>
    </>
  );
}

function extensionsFor(text: string, say: (text: string) => void): Extension[] {
  return [
    EditorView.cspNonce.of(getNonce() ?? ''),
    EditorState.lineSeparator.of(lineEndOf(text)),
    lineNumbers(),
    highlightSpecialChars(),
    history(),
    drawSelection(),
    highlightActiveLine(),
    highlightActiveLineGutter(),
    indentOnInput(),
    bracketMatching(),
    syntaxHighlighting(editorColours),
    keymap.of([...defaultKeymap, ...historyKeymap, indentWithTab]),
    EditorView.updateListener.of(({ docChanged, state }) => {
      if (docChanged) say(state.sliceDoc());
    }),
  ];
}

/** A file keeps the ends of lines that it has; where they differ, the odd ones are signs in a line. */
function lineEndOf(text: string): string {
  return /\r\n/.test(text) && !/(^|[^\r])\n/.test(text) ? '\r\n' : '\n';
}
