// Opens this tab's end of the one stream: by the shared worker, by the tab that leads, or alone.
import { follow } from './follow';
import { type FromStream, type FromTab, STREAM_NAME } from './messages';
import workerAddress from './worker?sharedworker&url';

export interface Line {
  begin: (after: number) => void;
}

type Listen = (message: FromStream) => void;

export function openLine(listen: Listen): Line {
  if ('SharedWorker' in globalThis) return sharedLine(listen);
  if ('BroadcastChannel' in globalThis && navigator.locks) return ledLine(listen);
  return ownLine(listen);
}

function sharedLine(listen: Listen): Line {
  const worker = new SharedWorker(trusted(workerAddress), { type: 'module', name: STREAM_NAME });
  worker.port.onmessage = (event: MessageEvent<FromStream>) => listen(event.data);
  const say = (message: FromTab): void => worker.port.postMessage(message);
  addEventListener('pagehide', () => say({ type: 'end' }));
  // A page that comes back from the browser's cache has lost its port's place in the worker.
  addEventListener('pageshow', (event) => {
    if (event.persisted) location.reload();
  });
  return { begin: (after) => say({ type: 'begin', after }) };
}

/** Without a shared worker the tab that holds the lock reads, and tells the others. */
function ledLine(listen: Listen): Line {
  const channel = new BroadcastChannel(STREAM_NAME);
  let newest = 0;
  const hear: Listen = (message) => {
    if (message.type === 'fact') newest = message.fact.sequence;
    listen(message);
  };
  channel.onmessage = (event: MessageEvent<FromStream>) => hear(event.data);
  const tell: Listen = (message) => {
    hear(message);
    channel.postMessage(message);
  };
  const begin = (after: number): void => {
    newest = Math.max(newest, after);
    void navigator.locks.request(STREAM_NAME, () =>
      follow({ after: newest, tell, signal: new AbortController().signal }),
    );
  };
  return { begin };
}

function ownLine(listen: Listen): Line {
  const begin = (after: number): void => {
    void follow({ after, tell: listen, signal: new AbortController().signal });
  };
  return { begin };
}

interface ScriptPolicy {
  createScriptURL: (address: string) => string;
}

/** The browser starts a worker only from an address that a named policy let through. */
function trusted(address: string): string {
  const factory = (
    globalThis as {
      trustedTypes?: { createPolicy: (name: string, rules: ScriptPolicy) => ScriptPolicy };
    }
  ).trustedTypes;
  if (!factory) return address;
  const policy = factory.createPolicy('boucle-worker', {
    createScriptURL: (given) => {
      if (new URL(given, location.href).origin !== location.origin) throw new TypeError(given);
      return given;
    },
  });
  return policy.createScriptURL(address);
}
