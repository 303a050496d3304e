// A dialog over the page: focus stays in it, Escape closes it.
import { Dialog } from 'radix-ui';
import type { ReactNode } from 'react';
import { useMessages } from '../messages/Messages';

interface ModalProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
}

export function Modal({ title, onClose, children }: ModalProps): ReactNode {
  const { dialog } = useMessages();
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 bg-black/50" />
        <Dialog.Content
          aria-describedby={undefined}
          className="fixed start-1/2 top-[10vh] max-h-[80vh] w-[min(720px,calc(100vw-24px))] -translate-x-1/2 overflow-y-auto rounded-md border border-line bg-raised p-5"
        >
          <div className="mb-3 flex items-start justify-between gap-4">
            <Dialog.Title>{title}</Dialog.Title>
            <Dialog.Close className="button" aria-label={dialog.close}>
              <span aria-hidden="true">×</span>
            </Dialog.Close>
          </div>
          {children}
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
