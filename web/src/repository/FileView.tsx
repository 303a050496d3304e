// A file: its lines, who wrote them, or the editor, as the address says.
import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { components } from '../data/api-types';
import { problemOf } from '../data/problem';
import { fileQuery } from '../data/queries';
import { Answer } from '../design/Answer';
import { Size } from '../design/Size';
import { useScreens } from '../messages/Messages';
import { Edit } from './Edit';
import { type FileAt, Lines } from './Lines';

type File = components['schemas']['File'];

const route = getRouteApi('/repositories/$owner/$name');

export function FileView({ place, revision, path }: FileAt): ReactNode {
  const query = useQuery(fileQuery(place, revision, path));
  // What was read stays while somebody works on it, also when the file is gone since.
  const gone = query.isError && problemOf(query.error).status === 404;
  return (
    <Answer query={query}>
      {(file) => <Shown at={{ place, revision, path }} file={file} gone={gone} />}
    </Answer>
  );
}

interface ShownProps {
  at: FileAt;
  file: File;
  gone: boolean;
}

function Shown({ at, file, gone }: ShownProps): ReactNode {
  const { mode } = route.useSearch();
  const { text } = file;
  if (text === null || text === undefined) return <WithoutText at={at} file={file} />;
  const edits = mode === 'edit' && file.kind === 'file';
  return (
    <>
      <div className="mb-2 flex flex-wrap items-center gap-2">
        <Download at={at} />
        {file.kind === 'file' && <Modes />}
      </div>
      {edits ? (
        <Edit key={`${at.revision} ${at.path}`} at={at} file={file} text={text} gone={gone} />
      ) : (
        <Lines path={at.path} text={text} blame={mode === 'blame' ? at : null} />
      )}
    </>
  );
}

/** What cannot be shown is said, with its size, and can be had all the same. */
function WithoutText({ at, file }: { at: FileAt; file: File }): ReactNode {
  const { repositories } = useScreens();
  return (
    <>
      <p className="mb-2">
        {file.without_text === 'too_large' ? repositories.tooLarge : repositories.binary}{' '}
        <span className="text-muted">
          <Size bytes={file.bytes} />
        </span>
      </p>
      <Download at={at} />
    </>
  );
}

function Download({ at: { place, revision, path } }: { at: FileAt }): ReactNode {
  const { repositories } = useScreens();
  const asked = new URLSearchParams(revision ? { path, revision } : { path });
  const address = `/api/v1/repositories/${place.owner}/${place.name}/raw?${asked}`;
  return (
    <a className="button" href={address} download>
      {repositories.download}
    </a>
  );
}

const MODES = ['blame', 'edit'] as const;

function Modes(): ReactNode {
  const { repositories } = useScreens();
  const { mode } = route.useSearch();
  const navigate = route.useNavigate();
  return MODES.map((one) => (
    <button
      key={one}
      type="button"
      className={`button ${mode === one ? 'button-first' : ''}`}
      aria-pressed={mode === one}
      onClick={() =>
        void navigate({
          search: ({ mode: before, ...old }) => (before === one ? old : { ...old, mode: one }),
        })
      }
    >
      {repositories[one]}
    </button>
  ));
}
