// How the page is built, tested and served while it is written.
import { fileURLToPath } from 'node:url';
import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import type { ProxyOptions } from 'vite';
import { defineConfig } from 'vitest/config';
import { previewAsServed } from './scripts/preview-as-served.ts';

const outDir = fileURLToPath(new URL('dist/page', import.meta.url));
const server = process.env.BOUCLE_URL ?? 'http://127.0.0.1:7070';

// The server accepts changes from its own origin only, and its challenge would open a password box.
const toServer: ProxyOptions = {
  target: server,
  changeOrigin: true,
  headers: { origin: server },
  configure: (proxy) => {
    proxy.on('proxyRes', (answer, _, response) => {
      delete answer.headers['www-authenticate'];
      // A stream has begun before its first event has come.
      setImmediate(() => response.flushHeaders());
    });
  },
};
const proxy = {
  '/api': toServer,
  '/prometheus': toServer,
  '/setup': {
    ...toServer,
    bypass: (request: { method?: string | undefined; url?: string | undefined }) =>
      request.method === 'GET' ? request.url : undefined,
  },
};

export default defineConfig({
  plugins: [react(), tailwindcss(), previewAsServed(outDir)],
  resolve: {
    alias: {
      // Its build for browsers lets the document read a character reference as markup, which the policy
      // forbids; the other one looks it up.
      'decode-named-character-reference': fileURLToPath(
        new URL('node_modules/decode-named-character-reference/index.js', import.meta.url),
      ),
    },
  },
  html: { cspNonce: 'BOUCLE_CSP_NONCE' },
  build: {
    outDir,
    target: 'es2023',
    assetsInlineLimit: 0,
    reportCompressedSize: false,
    manifest: true,
    rolldownOptions: {
      output: {
        codeSplitting: {
          // What every visit needs is one file instead of a dozen small ones.
          groups: [
            {
              name: 'shared',
              test: /node_modules\/(react|react-dom|scheduler|use-sync-external-store|@tanstack\/(react-router|router-core|react-query|query-core|history|react-store|store))\//,
            },
          ],
        },
      },
    },
  },
  worker: { format: 'es' },
  server: { proxy, host: '127.0.0.1' },
  preview: { proxy, host: '127.0.0.1' },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/test-set-up.ts'],
  },
});
