// Go anywhere by a few letters: sections, services, repositories, incidents.
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { Command } from 'cmdk';
import { type ReactNode, useMemo, useState } from 'react';
import { applicationsQuery, incidentsQuery, repositoriesQuery } from '../data/queries';
import { useMessages } from '../messages/Messages';
import { best } from './best';
import { overlay } from './keys';
import { SECTIONS } from './sections';

const ITEM =
  'min-h-7 cursor-pointer rounded px-2 py-1 text-[14px] text-ink data-[selected=true]:bg-accent-ground';

export default function Palette(): ReactNode {
  const { palette, sections } = useMessages();
  const navigate = useNavigate();
  const applications = useQuery(applicationsQuery);
  const repositories = useQuery(repositoriesQuery);
  const incidents = useQuery(incidentsQuery);
  const [text, setText] = useState('');
  const services = useMemo(
    () => best(applications.data ?? [], ({ name }) => name, text),
    [applications.data, text],
  );
  const item = (label: string, to: string): ReactNode => {
    const go = (): void => {
      overlay.set('none');
      void navigate({ to });
    };
    return (
      <Command.Item key={to} value={label} onSelect={go} className={ITEM}>
        {label}
      </Command.Item>
    );
  };
  const group = (heading: string, items: ReactNode): ReactNode => (
    <Command.Group heading={heading} className="mt-1 text-[12.5px] text-muted">
      {items}
    </Command.Group>
  );
  return (
    <Command.Dialog
      open
      onOpenChange={(open) => overlay.set(open ? 'palette' : 'none')}
      label={palette.title}
      overlayClassName="fixed inset-0 bg-black/50"
      contentClassName="fixed start-1/2 top-[12vh] w-[min(560px,calc(100vw-24px))] -translate-x-1/2 rounded-md border border-line bg-raised p-3"
    >
      <Command.Input
        value={text}
        onValueChange={setText}
        placeholder={palette.placeholder}
        className="field w-full"
      />
      <Command.List className="mt-2 max-h-[50vh] overflow-y-auto">
        <Command.Empty className="p-2 text-muted">{palette.empty}</Command.Empty>
        {group(
          palette.pages,
          SECTIONS.map(({ to, name }) => item(sections[name], to)),
        )}
        {group(
          palette.services,
          services.map(({ name }) => item(name, `/applications/${name}`)),
        )}
        {group(
          sections.repositories,
          (repositories.data ?? []).map(({ name }) => item(name, `/repositories/${name}`)),
        )}
        {group(
          palette.incidents,
          (incidents.data?.items ?? []).map(({ id, title }) =>
            item(`${id} ${title}`, `/incidents/${id}`),
          ),
        )}
      </Command.List>
    </Command.Dialog>
  );
}
