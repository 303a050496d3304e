// Makes `vite preview` answer as the server does: the policy in the header, a new nonce per document.
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

const NONCE_PLACEHOLDER = 'BOUCLE_CSP_NONCE';

/** The names of the Trusted Types policies that the page makes; the server lists the same ones. */
export const TRUSTED_TYPES_POLICIES = ['boucle-worker'];

/** The policy that the server sends with the document. */
export function contentSecurityPolicy(nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "connect-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "worker-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    `trusted-types ${TRUSTED_TYPES_POLICIES.join(' ')}`,
  ].join('; ');
}

export function previewAsServed(outDir: string): Plugin {
  return {
    name: 'boucle:preview-as-served',
    configurePreviewServer(server) {
      server.middlewares.use((request, response, next) => {
        const wantsDocument = request.headers.accept?.includes('text/html') ?? false;
        const path = request.url?.split('?')[0] ?? '/';
        if (request.method !== 'GET' || !wantsDocument || path.startsWith('/api/')) return next();
        const nonce = randomBytes(16).toString('base64');
        const text = readFileSync(join(outDir, 'index.html'), 'utf8');
        response.setHeader('Content-Type', 'text/html; charset=utf-8');
        response.setHeader('Content-Security-Policy', contentSecurityPolicy(nonce));
        response.setHeader('X-Content-Type-Options', 'nosniff');
        response.setHeader('Referrer-Policy', 'no-referrer');
        response.setHeader('Cache-Control', 'no-store');
        response.end(text.replaceAll(NONCE_PLACEHOLDER, nonce));
      });
    },
  };
}
