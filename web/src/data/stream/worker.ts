// The shared worker: holds the one event stream of this browser for all its tabs.
import { follow } from './follow';
import type { Connection, FromStream, FromTab } from './messages';

const ports = new Set<MessagePort>();
let connection: Connection = 'connecting';
let following: AbortController | null = null;
let newest = 0;

const tell = (message: FromStream): void => {
  if (message.type === 'connection') {
    connection = message.connection;
    if (connection === 'refused') following = null;
  } else {
    newest = message.fact.sequence;
  }
  for (const port of ports) port.postMessage(message);
};

const begin = (after: number): void => {
  if (following) return;
  following = new AbortController();
  newest = Math.max(newest, after);
  void follow({ after: newest, tell, signal: following.signal });
};

const end = (port: MessagePort): void => {
  ports.delete(port);
  if (ports.size > 0) return;
  following?.abort();
  following = null;
  connection = 'connecting';
};

globalThis.addEventListener('connect', (event) => {
  const port = (event as MessageEvent).ports[0];
  if (!port) return;
  ports.add(port);
  port.onmessage = (message: MessageEvent<FromTab>) => {
    if (message.data.type === 'end') end(port);
    else begin(message.data.after);
  };
  port.postMessage({ type: 'connection', connection } satisfies FromStream);
});
