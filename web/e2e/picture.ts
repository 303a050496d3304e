// Saves what a page shows as a small picture, and says when it is not small.
import { readFileSync, writeFileSync } from 'node:fs';
import { deflateSync, inflateSync } from 'node:zlib';
import type { Page } from 'playwright-core';

const BYTES_MAX = 200_000;
/** The signature and nothing else stand before the first chunk. */
const HEAD_BYTES = 8;

/** The problem with the picture, if there is one. */
export async function savePicture(page: Page, path: string): Promise<string | undefined> {
  await page.screenshot({ path, scale: 'css', animations: 'disabled', caret: 'hide' });
  const small = smaller(readFileSync(path));
  writeFileSync(path, small);
  return small.length > BYTES_MAX ? `a picture of ${small.length} bytes` : undefined;
}

/** The same picture, its pixels packed as tightly as they can be. */
function smaller(png: Buffer): Buffer {
  const before: Buffer[] = [];
  const pixels: Buffer[] = [];
  for (let at = HEAD_BYTES; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const type = png.toString('latin1', at + 4, at + 8);
    const whole = png.subarray(at, at + length + 12);
    if (type === 'IDAT') pixels.push(whole.subarray(8, 8 + length));
    else if (type === 'IHDR') before.push(whole);
    at += length + 12;
  }
  const packed = deflateSync(inflateSync(Buffer.concat(pixels)), { level: 9, memLevel: 9 });
  return Buffer.concat([
    png.subarray(0, HEAD_BYTES),
    ...before,
    chunk('IDAT', packed),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(checksum(named));
  return Buffer.concat([length, named, sum]);
}

function checksum(bytes: Buffer): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return (sum ^ 0xffffffff) >>> 0;
}
