// What a person wrote, drawn safely: elements only, and links that lead nowhere dangerous.
import type { ReactNode } from 'react';
import ReactMarkdown from 'react-markdown';
import remarkGfm from 'remark-gfm';
import { useMessages } from '../messages/Messages';
import { seen } from './seen';

const SAFE = /^(https?:|mailto:|#|\/)/i;
const HAS_SCHEME = /^[^/?#]*:/;

interface MarkdownProps {
  text: string;
  /** Where a relative link leads; without this it leads nowhere. */
  resolve?: ((relative: string) => string) | undefined;
}

export default function Markdown({ text, resolve }: MarkdownProps): ReactNode {
  const allowed = (address: string): string => {
    if (SAFE.test(address)) return address;
    return resolve && address !== '' && !HAS_SCHEME.test(address) ? resolve(address) : '';
  };
  return (
    <div className="markdown max-w-prose space-y-2">
      <ReactMarkdown
        remarkPlugins={[remarkGfm]}
        urlTransform={allowed}
        components={{
          a: ({ href, children }) => <Leading href={href}>{children}</Leading>,
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

interface LeadingProps {
  href: string | undefined;
  children: ReactNode;
}

/** A link without an address would load the page again: its words stay, and say what they were. */
function Leading({ href, children }: LeadingProps): ReactNode {
  const { shell } = useMessages();
  if (href) return <a href={href}>{children}</a>;
  return (
    <span className="text-muted line-through" title={shell.linkLeftOut}>
      {children}
    </span>
  );
}
