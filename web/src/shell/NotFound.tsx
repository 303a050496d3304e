// An address at which there is nothing.
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { Empty } from '../design/Answer';
import { useMessages } from '../messages/Messages';

export function NotFound(): ReactNode {
  const { shell } = useMessages();
  const next = (
    <>
      {shell.notFoundNext} <Link to="/">{shell.goHome}</Link>
    </>
  );
  return <Empty title={shell.notFound} next={next} />;
}
