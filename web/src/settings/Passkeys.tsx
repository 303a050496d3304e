// The passkeys of whoever is signed in: when each was added and used, adding one, taking one away.
import { queryOptions, useQuery, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import type { components } from '../data/api-types';
import { answerOf, client } from '../data/client';
import { deviceLabel, makePasskey, reach } from '../data/passkeys';
import { Answer, Failure } from '../design/Answer';
import { Time } from '../design/Time';
import { useAction } from '../design/useAction';
import { usePasskeyWords, useSettingsWords } from '../messages/Messages';
import { sessionQuery } from '../pull-request/queries';
import { PasskeyOffer } from '../set-up/PasskeyOffer';
import { Confirm } from './Confirm';
import { ROW, TextField } from './fields';

type Passkey = components['schemas']['Passkey'];

const passkeysQuery = queryOptions({
  queryKey: ['passkeys'],
  retry: false,
  queryFn: ({ signal }) =>
    answerOf(client.GET('/api/v1/passkeys', { params: { query: { limit: 500 } }, signal })),
});

/** Nothing for a token and for whoever used the first link without an account. */
export function Passkeys(): ReactNode {
  const { data } = useQuery(sessionQuery);
  return data?.account ? <Own /> : null;
}

function Own(): ReactNode {
  const words = usePasskeyWords();
  const { tabs } = useSettingsWords();
  const query = useQuery(passkeysQuery);
  return (
    <>
      <section aria-labelledby="passkeys" className="mt-4 mb-8">
        <h2 id="passkeys">{words.title}</h2>
        <p className="mt-1 max-w-prose text-muted">{words.explain}</p>
        <Answer query={query}>
          {({ items }) => (items.length === 0 ? <p>{words.none}</p> : <List items={items} />)}
        </Answer>
        <Add />
      </section>
      {/* What follows has the name of the tab, and would else seem to belong to the passkeys. */}
      <h2>{tabs.people}</h2>
    </>
  );
}

function List({ items }: { items: Passkey[] }): ReactNode {
  const words = usePasskeyWords();
  const queries = useQueryClient();
  const [leaving, setLeaving] = useState<Passkey | null>(null);
  const done = (): void => {
    setLeaving(null);
    void queries.invalidateQueries({ queryKey: ['passkeys'] });
  };
  return (
    <>
      <ul className="mt-3">
        {items.map((one) => (
          <li key={one.id} className={`${ROW} xl:grid-cols-[2fr_2fr_2fr_auto]`}>
            <span className="font-semibold break-words">{one.label}</span>
            <span className="text-muted">
              {words.added} <Time at={one.added_at} />
            </span>
            <span className="text-muted">
              {one.last_used_at ? (
                <>
                  {words.used} <Time at={one.last_used_at} />
                </>
              ) : (
                words.neverUsed
              )}
            </span>
            <button
              type="button"
              className="button button-danger"
              aria-label={words.removeLabel(one.label)}
              onClick={() => setLeaving(one)}
            >
              {words.remove}
            </button>
          </li>
        ))}
      </ul>
      {leaving && (
        <Confirm
          title={words.removeTitle(leaving.label)}
          does={words.removeDoes}
          verb={words.removeDo}
          act={() =>
            answerOf(
              client.DELETE('/api/v1/passkeys/{id}', { params: { path: { id: leaving.id } } }),
            )
          }
          onDone={done}
          onClose={() => setLeaving(null)}
        />
      )}
    </>
  );
}

function Add(): ReactNode {
  const words = usePasskeyWords();
  const queries = useQueryClient();
  const usual = deviceLabel(navigator.userAgent, words);
  const [label, setLabel] = useState(usual);
  const action = useAction(() => {
    setLabel(usual);
    void queries.invalidateQueries({ queryKey: ['passkeys'] });
  });
  const add = async (): Promise<void> => {
    const made = await makePasskey(() => answerOf(client.POST('/api/v1/passkeys/challenge')));
    await answerOf(client.POST('/api/v1/passkeys', { body: { ...made, label: label.trim() } }));
  };
  return (
    <form
      className="mt-3 grid max-w-md gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        if (reach() === 'here' && label.trim() !== '') action.run(add);
      }}
    >
      {reach() === 'here' && (
        <TextField
          label={words.label}
          hint={words.labelRule}
          value={label}
          onChange={(text) => setLabel(text)}
        />
      )}
      {action.error !== null && <Failure error={action.error} />}
      <PasskeyOffer
        text={words.add}
        busy={action.busy || label.trim() === ''}
        onPress={() => action.run(add)}
      />
    </form>
  );
}
