// What a person wrote, drawn safely: elements only, and links that lead nowhere dangerous.

import type { ReactNode } from 'react';
import ReactMarkdown from 'react-markdown';
import remarkGfm from 'remark-gfm';
import { seen } from './seen';

const SAFE = /^(https?:|mailto:|#|\/|\.)/i;

export default function Markdown({ text }: { text: string }): ReactNode {
  return (
    <div className="markdown max-w-prose space-y-2">
      <ReactMarkdown
        remarkPlugins={[remarkGfm]}
        urlTransform={(url) => (SAFE.test(url) ? url : '')}
        components={{
          img: ({ alt }) => <span className="text-muted">{alt}</span>,
          table: ({ children }) => (
            <div className="overflow-x-auto">
              <table className="rows">{children}</table>
            </div>
          ),
        }}
      >
        {seen(text)}
      </ReactMarkdown>
    </div>
  );
}
