// Gives a secret a value. The page keeps it no longer than it is being written.
import { useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, type RefObject, useEffect, useState } from 'react';
import { answerOf, client } from '../data/client';
import { Failure } from '../design/Answer';
import { useAction } from '../design/useAction';
import { useSettingsWords } from '../messages/Messages';
import { placeOf } from '../repository/place';
import { TextField } from './fields';

interface SetSecretProps {
  repository: string;
  name: string;
  onName: (name: string) => void;
  valueField: RefObject<HTMLInputElement | null>;
}

export function SetSecret({ repository, name, onName, valueField }: SetSecretProps): ReactNode {
  const words = useSettingsWords();
  const { secrets } = words;
  const queries = useQueryClient();
  const [value, setValue] = useState('');
  const [made, setMade] = useState('');
  useForgotten(setValue);
  const action = useAction(() => {
    setValue('');
    onName('');
    void queries.invalidateQueries({ queryKey: ['secrets', repository] });
  });
  const send = (event: FormEvent): void => {
    event.preventDefault();
    setMade('');
    const path = { ...placeOf(repository), secret: name.trim() };
    action.run(async () => {
      const set = client.PUT('/api/v1/repositories/{owner}/{name}/secrets/{secret}', {
        params: { path },
        body: { value },
      });
      setMade((await answerOf(set)).name);
    });
  };
  return (
    <section aria-labelledby="set-secret" className="mt-8">
      <h2 id="set-secret">{secrets.set}</h2>
      <form className="mt-3 grid max-w-md gap-3" onSubmit={send} autoComplete="off">
        <TextField label={words.name} hint={secrets.nameRule} value={name} onChange={onName} />
        <label className="grid gap-1">
          <span className="text-muted">{secrets.value}</span>
          <input
            ref={valueField}
            className="field"
            type="password"
            autoComplete="off"
            spellCheck={false}
            required
            aria-describedby="secret-rule"
            value={value}
            onChange={(event) => setValue(event.currentTarget.value)}
          />
        </label>
        <p id="secret-rule" className="text-[12.5px] text-muted">
          {secrets.valueRule(`boucle secret set ${repository} ${name.trim() || 'NAME'} < FILE`)}
        </p>
        {action.error !== null && <Failure error={action.error} />}
        <button
          type="submit"
          className="button button-first justify-self-start"
          disabled={action.busy || name.trim() === '' || value === ''}
        >
          {secrets.submit}
        </button>
      </form>
      <p aria-live="polite" className="mt-2 text-good">
        {made && secrets.done(made)}
      </p>
    </section>
  );
}

/** A page that is left may be kept by the browser as it was: not with a value in it. */
function useForgotten(setValue: (value: string) => void): void {
  useEffect(() => {
    const forget = (): void => setValue('');
    addEventListener('pagehide', forget);
    return () => removeEventListener('pagehide', forget);
  }, [setValue]);
}
