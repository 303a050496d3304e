// The way in: a name with its password, a passkey, or a one-time link.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { FormEvent, ReactNode } from 'react';
import { signInByPasskey } from '../data/passkeys';
import { anyPasskeys, secretIn, session, setUp, signIn } from '../data/session';
import { useStore } from '../data/store';
import { Failure } from '../design/Answer';
import { useAction } from '../design/useAction';
import { useMessages, usePasskeyWords } from '../messages/Messages';
import { PasskeyOffer } from './PasskeyOffer';

export default function SignIn(): ReactNode {
  const { session: words } = useMessages();
  const queries = useQueryClient();
  const state = useStore(session);
  const passkeys = usePasskeyWords();
  const some = useQuery({ queryKey: ['any-passkeys'], retry: false, queryFn: anyPasskeys });
  const { error, busy, run } = useAction(() => void queries.invalidateQueries());
  const attempt =
    (enter: (form: FormData) => Promise<void>) => (event: FormEvent<HTMLFormElement>) => {
      event.preventDefault();
      const form = new FormData(event.currentTarget);
      run(() => enter(form));
    };
  const text = (form: FormData, name: string): string => String(form.get(name) ?? '');
  return (
    <div className="max-w-md">
      <h1>{words.title}</h1>
      {state === 'over' && (
        <p role="status" className="mt-2 text-wait">
          {words.over}
        </p>
      )}
      {error !== null && <Failure error={error} />}
      <form
        className="mt-4 grid gap-3"
        onSubmit={attempt((form) => signIn(text(form, 'name'), text(form, 'password')))}
      >
        <Field label={words.name} name="name" autoComplete="username" />
        <Field
          label={words.password}
          name="password"
          type="password"
          autoComplete="current-password"
        />
        <button type="submit" className="button button-first justify-self-start">
          {words.submit}
        </button>
        {some.data && (
          <PasskeyOffer text={passkeys.signIn} busy={busy} onPress={() => run(signInByPasskey)} />
        )}
      </form>
      <h2 className="mt-8">{words.withLink}</h2>
      <p className="mt-1 text-muted">{words.explain}</p>
      <form
        className="mt-3 grid gap-3"
        onSubmit={attempt((form) => setUp({ secret: secretIn(text(form, 'link')) }))}
      >
        <Field label={words.field} name="link" autoComplete="off" />
        <button type="submit" className="button justify-self-start">
          {words.submit}
        </button>
      </form>
      <p className="mt-4 text-muted">{words.newLink}</p>
    </div>
  );
}

interface FieldProps {
  label: string;
  name: string;
  type?: string;
  autoComplete: string;
}

export function Field({ label, name, type = 'text', autoComplete }: FieldProps): ReactNode {
  return (
    <label className="grid gap-1">
      <span className="text-muted">{label}</span>
      <input className="field" name={name} type={type} autoComplete={autoComplete} required />
    </label>
  );
}
