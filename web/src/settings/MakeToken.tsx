// Makes a token and shows its secret this once.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import type { components } from '../data/api-types';
import { answerOf, client } from '../data/client';
import { repositoriesQuery } from '../data/queries';
import { Failure } from '../design/Answer';
import { SelectField } from '../design/SelectField';
import { useAction } from '../design/useAction';
import { useSettingsWords } from '../messages/Messages';
import { type Role, RoleField, TextField } from './fields';
import { Once } from './Once';

type Created = components['schemas']['CreatedToken'];
type Kind = components['schemas']['TokenKind'];

const DAYS_FIRST = '90';

export function MakeToken(): ReactNode {
  const words = useSettingsWords();
  const { tokens } = words;
  const queries = useQueryClient();
  const repositories = useQuery(repositoriesQuery);
  const [name, setName] = useState('');
  const [kind, setKind] = useState<Kind>('machine');
  const [role, setRole] = useState<Role>('read');
  const [repository, setRepository] = useState('');
  const [days, setDays] = useState(DAYS_FIRST);
  const [made, setMade] = useState<Created | null>(null);
  const action = useAction(() => {
    setName('');
    void queries.invalidateQueries({ queryKey: ['tokens'] });
  });
  const send = (event: FormEvent): void => {
    event.preventDefault();
    setMade(null);
    const body = {
      name: name.trim(),
      kind,
      role,
      valid_days: Number(days),
      ...(repository ? { repository } : {}),
    };
    action.run(async () => setMade(await answerOf(client.POST('/api/v1/tokens', { body }))));
  };
  const places = (repositories.data ?? []).map((one): [string, string] => [one.name, one.name]);
  return (
    <section aria-labelledby="make-token" className="mt-8">
      <h2 id="make-token">{tokens.create}</h2>
      <form className="mt-3 grid max-w-md gap-3" onSubmit={send}>
        <TextField label={words.name} value={name} onChange={setName} />
        <SelectField
          label={tokens.kind}
          value={kind}
          options={[
            ['machine', tokens.kinds.machine],
            ['person', tokens.kinds.person],
          ]}
          onChange={(value) => setKind(value === 'person' ? 'person' : 'machine')}
        />
        <RoleField value={role} onChange={setRole} />
        <SelectField
          label={tokens.where}
          value={repository}
          options={[['', tokens.everywhere], ...places]}
          onChange={setRepository}
        />
        <TextField label={tokens.days} type="number" value={days} onChange={setDays} />
        {action.error !== null && <Failure error={action.error} />}
        <button
          type="submit"
          className="button button-first justify-self-start"
          disabled={action.busy || name.trim() === ''}
        >
          {tokens.submit}
        </button>
      </form>
      {made && (
        <Once text={tokens.secret(made.name)} secret={made.token} onDone={() => setMade(null)} />
      )}
    </section>
  );
}
