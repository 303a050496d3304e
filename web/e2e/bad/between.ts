// Something between the browser and the server that can cut lines, and lead to a server that is gone.
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { given } from './server.ts';

export interface Between {
  url: string;
  /** How many streams of events were cut. */
  cut: () => number;
  close: () => void;
}

interface Wish {
  /** Cuts each stream of events after this long. */
  cutAfterMs?: number;
  /** The server whose interface is used; the page itself always comes from the given one. */
  server?: string;
}

const STREAM = '/api/v1/events';
/** What the server answers itself, beside the page and its parts. */
const INTERFACE = /^\/(api|prometheus)\//;

export async function between(wish: Wish = {}): Promise<Between> {
  let cut = 0;
  const proxy = createServer((asked, answer) => {
    const path = asked.url ?? '/';
    const target = INTERFACE.test(path) ? (wish.server ?? given.url) : given.url;
    hand(asked, answer, target);
    if (wish.cutAfterMs !== undefined && path.startsWith(STREAM)) {
      const timer = setTimeout(() => {
        cut++;
        answer.socket?.destroy();
      }, wish.cutAfterMs);
      answer.on('close', () => clearTimeout(timer));
    }
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = proxy.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    cut: () => cut,
    close: () => {
      proxy.close();
      proxy.closeAllConnections();
    },
  };
}

function hand(asked: IncomingMessage, answer: ServerResponse, target: string): void {
  const { hostname, port, host } = new URL(target);
  const headers = { ...asked.headers, host };
  // The server takes changes from its own origin only; what comes from elsewhere stays so.
  if (headers.origin === `http://${asked.headers.host}`) headers.origin = target;
  const on = request(
    { hostname, port, path: asked.url, method: asked.method, headers },
    (answered) => {
      answer.writeHead(answered.statusCode ?? 502, answered.headers);
      answer.flushHeaders();
      answered.pipe(answer);
      answered.on('error', () => answer.destroy());
    },
  );
  on.on('error', () => {
    if (answer.headersSent) answer.destroy();
    else answer.writeHead(502).end();
  });
  answer.on('close', () => on.destroy());
  asked.pipe(on);
}
