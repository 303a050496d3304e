// What may be done to one object: the actions, what each asks for, and what it changed.
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { answerOf, client } from '../data/client';
import { actionsQuery } from '../data/queries';
import { Answer, Failure } from '../design/Answer';
import { Modal } from '../design/Modal';
import { useAction } from '../design/useAction';
import { useScreens } from '../messages/Messages';
import { fullNameOf, nameOf, type ObjectAction, type Resource } from './tree';

interface ActionsProps {
  application: string;
  one: Resource;
  onClose: () => void;
}

export default function Actions({ application, one, onClose }: ActionsProps): ReactNode {
  const { actions: words } = useScreens();
  const object = fullNameOf(one);
  const query = useQuery(actionsQuery(application, object));
  const items = query.data?.items ?? [];
  return (
    <Modal title={words.title(nameOf(one))} onClose={onClose}>
      <Answer query={query}>
        {() => (
          <>
            <p className="text-muted">{words.explain}</p>
            {items.map(({ problem }) => problem && <p key={problem}>{problem}</p>)}
            {items.every(({ actions }) => actions.length === 0) && <p>{words.none}</p>}
            <ul className="mt-2">
              {items
                .flatMap(({ actions }) => actions)
                .map((action) => (
                  <li key={action.name} className="border-b border-line py-2">
                    <One application={application} object={object} action={action} />
                  </li>
                ))}
            </ul>
          </>
        )}
      </Answer>
    </Modal>
  );
}

interface OneProps {
  application: string;
  object: string;
  action: ObjectAction;
}

function One({ application, object, action }: OneProps): ReactNode {
  const { actions: words } = useScreens();
  const [given, setGiven] = useState<Record<string, string>>({});
  const [changed, setChanged] = useState<string[] | null>(null);
  const work = useAction();
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    setChanged(null);
    work.run(async () => {
      const result = await answerOf(
        client.POST('/api/v1/applications/{name}/actions', {
          params: { path: { name: application } },
          body: { object, action: action.name, parameters: given },
        }),
      );
      setChanged([...result.fields, ...result.created]);
    });
  };
  return (
    <form onSubmit={submit}>
      <div className="flex flex-wrap items-end gap-3">
        {action.parameters.map((parameter) => (
          <label key={parameter.name} className="grid gap-1 text-muted">
            {parameter.name}
            <input
              className="field"
              value={given[parameter.name] ?? parameter.default ?? ''}
              disabled={!action.enabled}
              onChange={({ currentTarget }) => {
                const { value } = currentTarget;
                setGiven((before) => ({ ...before, [parameter.name]: value }));
              }}
            />
          </label>
        ))}
        <button type="submit" className="button" disabled={work.busy || !action.enabled}>
          {action.display_name}
        </button>
        {!action.enabled && <span className="text-muted">{words.notNow}</span>}
      </div>
      <div role="status">
        {changed !== null && (
          <p className="mt-2 text-good">
            {words.done}{' '}
            {changed.map((field) => (
              <code key={field} className="me-2">
                {field}
              </code>
            ))}
          </p>
        )}
      </div>
      {work.error !== null && <Failure error={work.error} />}
    </form>
  );
}
