// Behind the one-time link: a name and a password, and one is in.
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, type ReactNode, useState } from 'react';
import { secretIn, setUp } from '../data/session';
import { Failure } from '../design/Answer';
import { useMessages } from '../messages/Messages';
import SignIn, { Field } from './SignIn';

export function SetUp(): ReactNode {
  const { session: words } = useMessages();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const [error, setError] = useState<unknown>(null);
  const secret = secretIn(location.hash);
  if (secret === '') return <SignIn />;
  const begin = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string): string => String(form.get(name) ?? '');
    setError(null);
    setUp({ secret, name: text('name'), password: text('password') }).then(() => {
      void queries.invalidateQueries();
      void navigate({ to: '/' });
    }, setError);
  };
  return (
    <div className="max-w-md">
      <h1>{words.chooseName}</h1>
      <p className="mt-1 text-muted">{words.passwordExplain}</p>
      {error !== null && <Failure error={error} />}
      <form className="mt-4 grid gap-3" onSubmit={begin}>
        <Field label={words.name} name="name" autoComplete="username" />
        <Field label={words.password} name="password" type="password" autoComplete="new-password" />
        <button type="submit" className="button button-first justify-self-start">
          {words.begin}
        </button>
      </form>
    </div>
  );
}
