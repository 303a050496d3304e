// How every check of the page in a browser begins: which server, which browser, with which flags.
import { type Browser, chromium } from 'playwright-core';

export const url = process.env.BOUCLE_URL ?? 'http://127.0.0.1:7070';
export const token = process.env.BOUCLE_TOKEN ?? '';
const program = process.env.CHROMIUM ?? '/usr/bin/chromium';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export function launch(): Promise<Browser> {
  return chromium.launch({ executablePath: program, args: FLAGS });
}
