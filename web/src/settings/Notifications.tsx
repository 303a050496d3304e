// Whom a repository tells: where each goes, what signs it, how the last one went, and a test.
import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import type { components } from '../data/api-types';
import { answerOf, client } from '../data/client';
import { Answer, Empty, Failure } from '../design/Answer';
import { CopyAs } from '../design/CopyAs';
import { Given } from '../design/Given';
import { State } from '../design/State';
import { Time } from '../design/Time';
import { useAction } from '../design/useAction';
import { useLocale, useSettingsWords } from '../messages/Messages';
import { wordOr } from '../messages/word';
import { placeOf } from '../repository/place';
import { Configuration } from './InGit';
import { OfRepository } from './OfRepository';
import { notificationsQuery } from './queries';

type Route = components['schemas']['NotificationRoute'];

export function Notifications(): ReactNode {
  const { notifications } = useSettingsWords();
  return (
    <>
      <p className="mt-4 max-w-prose text-muted">{notifications.explain}</p>
      <OfRepository>{({ name }) => <OfOne repository={name} />}</OfRepository>
    </>
  );
}

function OfOne({ repository }: { repository: string }): ReactNode {
  const { notifications } = useSettingsWords();
  const query = useQuery(notificationsQuery(repository));
  return (
    <>
      <p className="mt-3">
        <CopyAs
          command={`boucle notification list ${repository}`}
          path={`/repositories/${repository}/notifications`}
        />
      </p>
      <Answer query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={notifications.none} next={notifications.noneNext} />
          ) : (
            items.map((one) => <Receiver key={one.name} repository={repository} route={one} />)
          )
        }
      </Answer>
      <div className="panel mt-4">
        <Configuration place={placeOf(repository)} />
      </div>
    </>
  );
}

interface ReceiverProps {
  repository: string;
  route: Route;
}

function Receiver({ repository, route }: ReceiverProps): ReactNode {
  const { notifications } = useSettingsWords();
  const locale = useLocale();
  const list = new Intl.ListFormat(locale, { type: 'conjunction' });
  const events = route.on.map((event) => wordOr(notifications.events, event));
  return (
    <section aria-label={route.name} className="panel mt-4">
      <h2>
        <Given text={route.name} />
      </h2>
      <code>
        <Given text={route.url} />
      </code>
      <dl className="mt-2 grid grid-cols-[auto_minmax(0,1fr)] gap-x-4 gap-y-1">
        <dt className="text-muted">{notifications.on}</dt>
        <dd>{list.format(events)}</dd>
        <dt className="text-muted">{notifications.secret}</dt>
        <dd>
          <Signed repository={repository} route={route} />
        </dd>
        <dt className="text-muted">{notifications.last}</dt>
        <dd>
          <Last last={route.last} />
        </dd>
      </dl>
      <Test repository={repository} name={route.name} />
    </section>
  );
}

function Signed({ repository, route: { secret, secret_known: known } }: ReceiverProps): ReactNode {
  const { notifications } = useSettingsWords();
  const to = { tab: 'secrets', repository };
  return (
    <span className="flex flex-wrap items-center gap-x-3 gap-y-1">
      <State
        state={known ? 'success' : 'failure'}
        word={known ? notifications.known : notifications.unknown}
      />
      {known ? (
        <Link to="/settings" search={to}>
          <code>{secret}</code>
        </Link>
      ) : (
        <>
          <code>{secret}</code>
          <Link to="/settings" search={{ ...to, secret }} className="button">
            {notifications.setSecret(secret)}
          </Link>
        </>
      )}
    </span>
  );
}

function Last({ last }: { last: Route['last'] }): ReactNode {
  const { notifications } = useSettingsWords();
  if (!last) return <span className="text-muted">{notifications.never}</span>;
  return (
    <>
      <State
        state={last.delivered ? 'success' : 'failure'}
        word={last.delivered ? notifications.delivered : notifications.failed}
      />{' '}
      <Time at={last.at} />
      {last.problem && (
        <p>
          <Given text={last.problem} />
        </p>
      )}
    </>
  );
}

function Test({ repository, name }: { repository: string; name: string }): ReactNode {
  const { notifications } = useSettingsWords();
  const [took, setTook] = useState(false);
  const action = useAction(() => setTook(true));
  const path = { ...placeOf(repository), route: name };
  const send = (): void => {
    setTook(false);
    action.run(() =>
      answerOf(
        client.POST('/api/v1/repositories/{owner}/{name}/notifications/{route}/test', {
          params: { path },
        }),
      ),
    );
  };
  return (
    <>
      <p className="mt-3 flex flex-wrap items-center gap-3">
        <button
          type="button"
          className="button"
          disabled={action.busy}
          aria-label={notifications.testLabel(name)}
          onClick={send}
        >
          {notifications.test}
        </button>
        <span aria-live="polite">
          {action.busy && <span className="text-muted">{notifications.testing}</span>}
          {took && <State state="success" word={notifications.tested} />}
        </span>
      </p>
      {action.error !== null && <Failure error={action.error} />}
    </>
  );
}
