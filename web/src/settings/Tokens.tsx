// The tokens: who has one for what and until when; making one, and taking one away.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import type { components } from '../data/api-types';
import { answerOf, client } from '../data/client';
import { Answer, Empty } from '../design/Answer';
import { Time } from '../design/Time';
import { useLocale, useSettingsWords } from '../messages/Messages';
import { Confirm } from './Confirm';
import { ROW } from './fields';
import { MakeToken } from './MakeToken';
import { tokensQuery } from './queries';

type Token = components['schemas']['Token'];

export function Tokens(): ReactNode {
  const { tokens } = useSettingsWords();
  const query = useQuery(tokensQuery);
  return (
    <Answer query={query}>
      {({ items }) => (
        <>
          {items.length === 0 ? <Empty title={tokens.none} /> : <List items={items} />}
          <MakeToken />
        </>
      )}
    </Answer>
  );
}

function List({ items }: { items: Token[] }): ReactNode {
  const words = useSettingsWords();
  const { tokens } = words;
  const queries = useQueryClient();
  const [leaving, setLeaving] = useState<Token | null>(null);
  const done = (): void => {
    setLeaving(null);
    void queries.invalidateQueries({ queryKey: ['tokens'] });
  };
  return (
    <>
      <ul className="mt-3">
        {items.map((one) => (
          <li key={one.id} className={`${ROW} xl:grid-cols-[2fr_1fr_1fr_1.5fr_1fr_1.5fr_auto]`}>
            <span className="font-semibold">{one.name}</span>
            <span>{tokens.kinds[one.kind]}</span>
            <span>{words.roles[one.role]}</span>
            <span>{one.repository ?? tokens.everywhere}</span>
            <Time at={one.created_at} />
            <Ends at={one.expires_at} />
            <button
              type="button"
              className="button button-danger"
              aria-label={tokens.revokeLabel(one.name)}
              onClick={() => setLeaving(one)}
            >
              {tokens.revoke}
            </button>
          </li>
        ))}
      </ul>
      {leaving && (
        <Confirm
          title={tokens.revokeTitle(leaving.name)}
          does={tokens.revokeDoes}
          verb={tokens.revokeDo}
          act={() =>
            answerOf(client.DELETE('/api/v1/tokens/{id}', { params: { path: { id: leaving.id } } }))
          }
          onDone={done}
          onClose={() => setLeaving(null)}
        />
      )}
    </>
  );
}

function Ends({ at }: { at: string }): ReactNode {
  const { tokens } = useSettingsWords();
  const locale = useLocale();
  const time = Date.parse(at);
  if (time < Date.now()) return <span className="text-muted">{tokens.ended}</span>;
  const exact = new Intl.DateTimeFormat(locale, { dateStyle: 'medium' });
  return (
    <span className="text-muted">
      {tokens.until} <time dateTime={at}>{exact.format(time)}</time>
    </span>
  );
}
