// Asks before something ends for good; where much hangs on it, its name must be typed.
import { type ReactNode, useState } from 'react';
import { Failure } from '../design/Answer';
import { Modal } from '../design/Modal';
import { useAction } from '../design/useAction';
import { useSettingsWords } from '../messages/Messages';

interface ConfirmProps {
  title: string;
  does: string;
  verb: string;
  /** What must be typed, and how that is asked for. */
  typed?: { name: string; label: string };
  act: () => Promise<unknown>;
  onDone: () => void;
  onClose: () => void;
}

export function Confirm(asked: ConfirmProps): ReactNode {
  const { title, does, verb, typed, act, onDone, onClose } = asked;
  const words = useSettingsWords();
  const [text, setText] = useState('');
  const action = useAction(onDone);
  return (
    <Modal title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          action.run(act);
        }}
      >
        <p>{does}</p>
        {typed && (
          <label className="mt-3 grid gap-1">
            <span className="text-muted">{typed.label}</span>
            <input
              className="field"
              autoComplete="off"
              spellCheck={false}
              value={text}
              onChange={(event) => setText(event.currentTarget.value)}
            />
          </label>
        )}
        {action.error !== null && <Failure error={action.error} />}
        <div className="mt-3 flex flex-wrap gap-2">
          <button
            type="submit"
            className="button button-danger"
            disabled={action.busy || (typed !== undefined && text !== typed.name)}
          >
            {verb}
          </button>
          <button type="button" className="button" onClick={onClose}>
            {words.cancel}
          </button>
        </div>
      </form>
    </Modal>
  );
}
