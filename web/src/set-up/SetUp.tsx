// Behind the one-time link: a name with a password or a passkey, and one is in.
import { useQueryClient } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type ReactNode, useRef } from 'react';
import { askForLink, deviceLabel, makePasskey } from '../data/passkeys';
import { secretIn, setUp } from '../data/session';
import { Failure } from '../design/Answer';
import { useAction } from '../design/useAction';
import { useMessages, usePasskeyWords } from '../messages/Messages';
import { PasskeyOffer } from './PasskeyOffer';
import SignIn, { Field } from './SignIn';

export function SetUp(): ReactNode {
  const secret = secretIn(location.hash);
  return secret === '' ? <SignIn /> : <Choose secret={secret} />;
}

function Choose({ secret }: { secret: string }): ReactNode {
  const { session: words } = useMessages();
  const passkeys = usePasskeyWords();
  const navigate = useNavigate();
  const queries = useQueryClient();
  const form = useRef<HTMLFormElement>(null);
  const action = useAction(() => {
    void queries.invalidateQueries();
    void navigate({ to: '/' });
  });
  const text = (name: string): string => {
    const given = form.current && new FormData(form.current).get(name);
    return typeof given === 'string' ? given : '';
  };
  const byPassword = (): Promise<void> =>
    setUp({ secret, name: text('name'), password: text('password') });
  const byPasskey = async (name: string): Promise<void> => {
    const made = await makePasskey(() => askForLink(secret, name));
    const label = deviceLabel(navigator.userAgent, passkeys);
    await setUp({ secret, name, passkey: { ...made, label } });
  };
  return (
    <div className="max-w-md">
      <h1>{passkeys.chooseWay}</h1>
      <p className="mt-1 text-muted">{words.passwordExplain}</p>
      {action.error !== null && <Failure error={action.error} />}
      <form
        ref={form}
        className="mt-4 grid gap-3"
        onSubmit={(event) => {
          event.preventDefault();
          action.run(byPassword);
        }}
      >
        <Field label={words.name} name="name" autoComplete="username" />
        <Field label={words.password} name="password" type="password" autoComplete="new-password" />
        <button
          type="submit"
          className="button button-first justify-self-start"
          disabled={action.busy}
        >
          {words.begin}
        </button>
        <PasskeyOffer
          text={passkeys.begin}
          before={passkeys.orPasskey}
          busy={action.busy}
          onPress={() => {
            // A passkey needs the name only: the password's field may stay empty.
            const name = form.current?.querySelector<HTMLInputElement>('input[name=name]');
            if (name?.reportValidity()) action.run(() => byPasskey(name.value.trim()));
          }}
        />
      </form>
    </div>
  );
}
