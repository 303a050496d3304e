// Everybody with an account, and the ways in and out of the list.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import type { components } from '../data/api-types';
import { answerOf, client } from '../data/client';
import { Answer, Empty, Failure } from '../design/Answer';
import { State } from '../design/State';
import { Time } from '../design/Time';
import { useAction } from '../design/useAction';
import { useLocale, useSettingsWords } from '../messages/Messages';
import { Confirm } from './Confirm';
import { ROW, type Role, RoleField, TextField } from './fields';
import { Once } from './Once';
import { peopleQuery } from './queries';

type Person = components['schemas']['Person'];
type Invitation = components['schemas']['Invitation'];

export function People(): ReactNode {
  const words = useSettingsWords();
  const query = useQuery(peopleQuery);
  return (
    <Answer query={query}>
      {({ items }) => (
        <>
          {items.length === 0 ? (
            <Empty title={words.people.none} next={words.people.noneNext} />
          ) : (
            <List items={items} />
          )}
          <Invite />
        </>
      )}
    </Answer>
  );
}

function List({ items }: { items: Person[] }): ReactNode {
  const words = useSettingsWords();
  const { people } = words;
  const queries = useQueryClient();
  const [leaving, setLeaving] = useState<string | null>(null);
  const done = (): void => {
    setLeaving(null);
    void queries.invalidateQueries({ queryKey: ['people'] });
  };
  return (
    <>
      <ul className="mt-3">
        {items.map(({ name, role, state, joined_at: joined, tokens }) => (
          <li key={name} className={`${ROW} xl:grid-cols-[2fr_1fr_2fr_2fr_auto]`}>
            <span className="font-semibold">{name}</span>
            <span>{words.roles[role]}</span>
            <span>
              <State
                state={state === 'joined' ? 'here' : 'waiting'}
                word={(people.states as Record<string, string>)[state] ?? state}
              />{' '}
              {joined && <Time at={joined} />}
            </span>
            <span className="text-muted">{people.tokens(tokens)}</span>
            <button
              type="button"
              className="button button-danger"
              aria-label={people.removeLabel(name)}
              onClick={() => setLeaving(name)}
            >
              {people.remove}
            </button>
          </li>
        ))}
      </ul>
      {leaving !== null && (
        <Confirm
          title={people.removeTitle(leaving)}
          does={people.removeDoes}
          verb={people.removeDo}
          typed={{ name: leaving, label: people.removeType(leaving) }}
          act={() =>
            answerOf(
              client.DELETE('/api/v1/people/{name}', { params: { path: { name: leaving } } }),
            )
          }
          onDone={done}
          onClose={() => setLeaving(null)}
        />
      )}
    </>
  );
}

function Invite(): ReactNode {
  const words = useSettingsWords();
  const { people } = words;
  const locale = useLocale();
  const queries = useQueryClient();
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('write');
  const [made, setMade] = useState<Invitation | null>(null);
  const action = useAction(() => {
    setName('');
    void queries.invalidateQueries({ queryKey: ['people'] });
  });
  const send = (event: FormEvent): void => {
    event.preventDefault();
    setMade(null);
    action.run(async () =>
      setMade(await answerOf(client.POST('/api/v1/people', { body: { name: name.trim(), role } }))),
    );
  };
  const time = new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' });
  return (
    <section aria-labelledby="invite" className="mt-8">
      <h2 id="invite">{people.invite}</h2>
      <p className="mt-1 text-muted">{people.inviteExplain}</p>
      <form className="mt-3 grid max-w-md gap-3" onSubmit={send}>
        <TextField label={words.name} hint={people.nameRule} value={name} onChange={setName} />
        <RoleField value={role} onChange={setRole} />
        {action.error !== null && <Failure error={action.error} />}
        <button
          type="submit"
          className="button button-first justify-self-start"
          disabled={action.busy || name.trim() === ''}
        >
          {people.submit}
        </button>
      </form>
      {made && (
        <Once text={people.link(made.name)} secret={made.link} onDone={() => setMade(null)}>
          <p className="mt-1 text-muted">
            {people.ends} {time.format(Date.parse(made.expires_at))}
          </p>
        </Once>
      )}
    </section>
  );
}
