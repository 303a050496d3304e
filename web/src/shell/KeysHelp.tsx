// Every key that works everywhere.
import type { ReactNode } from 'react';
import { Modal } from '../design/Modal';
import { useMessages } from '../messages/Messages';
import { overlay } from './keys';
import { SECTIONS } from './sections';

export default function KeysHelp(): ReactNode {
  const { keys, sections } = useMessages();
  const rows: [string, string][] = [
    ['⌘K', keys.palette],
    ['?', keys.help],
    ['/', keys.filter],
    ...SECTIONS.map(({ key, name }): [string, string] => [`g ${key}`, sections[name]]),
  ];
  return (
    <Modal title={keys.title} onClose={() => overlay.set('none')}>
      <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-2">
        {rows.map(([key, meaning]) => (
          <div key={key} className="contents">
            <dt>
              <kbd className="rounded border border-line bg-sunken px-1">{key}</kbd>
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}
