// Starts the page: nonce for injected styles, answers kept live, the router.
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { setNonce } from 'get-nonce';
import { StrictMode, Suspense } from 'react';
import { createRoot } from 'react-dom/client';
import { createQueryClient } from './data/queries';
import { keepLive } from './data/stream/live';
import './design/tokens.css';
import { chosenLanguage } from './messages/language';
import { MessagesProvider } from './messages/Messages';
import { createAppRouter } from './router';

const nonce = document.querySelector<HTMLMetaElement>('meta[property="csp-nonce"]')?.nonce;
if (nonce) setNonce(nonce);

const queries = createQueryClient();
const router = createAppRouter(queries);
keepLive(queries);
// Answers hold sentences of the server's: another language asks for them again.
chosenLanguage.subscribe(() => void queries.invalidateQueries());

const root = document.getElementById('root');
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={queries}>
        <Suspense>
          <MessagesProvider>
            <RouterProvider router={router} />
          </MessagesProvider>
        </Suspense>
      </QueryClientProvider>
    </StrictMode>,
  );
}
