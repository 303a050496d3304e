// What changes in the source: each file, unified or side by side, with comments on its lines.
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { answerOf, client, type PullRequest } from '../data/client';
import { type Place, sourceDifferenceQuery } from '../data/queries';
import { remembered } from '../data/remembered';
import { useStore } from '../data/store';
import { Answer, Failure } from '../design/Answer';
import { Difference, type LinePlace } from '../design/Difference';
import { useDraft } from '../design/draft';
import { useAction } from '../design/useAction';
import { useScreens } from '../messages/Messages';
import { Text } from './Talk';

interface SourceProps {
  place: Place;
  one: PullRequest;
  split: boolean;
  onSplit: (split: boolean) => void;
}

export function Source({ place, one, split, onSplit }: SourceProps): ReactNode {
  const { difference } = useScreens();
  const query = useQuery(sourceDifferenceQuery(place, one.number, one.head));
  return (
    <Answer query={query}>
      {({ files }) => (
        <>
          <div className="mb-3 flex flex-wrap items-center gap-3">
            <span className="text-muted">{difference.files(files.length)}</span>
            <button
              type="button"
              className="button"
              aria-pressed={split}
              onClick={() => onSplit(!split)}
            >
              {split ? difference.unified : difference.split}
            </button>
          </div>
          {files.map((file) => (
            <File key={file.path} place={place} one={one} split={split} file={file} />
          ))}
        </>
      )}
    </Answer>
  );
}

interface FileProps {
  place: Place;
  one: PullRequest;
  split: boolean;
  file: { path: string; old_path?: string | null; change: string; unified: string };
}

function File({ place, one, split, file }: FileProps): ReactNode {
  const { difference } = useScreens();
  const [viewed] = useState(() =>
    remembered(`viewed ${one.repository} ${one.number} ${file.path}`),
  );
  const isViewed = useStore(viewed) === one.head;
  const [writing, setWriting] = useState<LinePlace | null>(null);
  const word = (difference.changes as Record<string, string>)[file.change] ?? file.change;
  const at = (comment: PullRequest['comments'][number], line: LinePlace): boolean =>
    comment.path === file.path && comment.line === line.line && comment.side === line.side;
  const below = (line: LinePlace): ReactNode => {
    const comments = one.comments.filter((comment) => at(comment, line));
    const asked = writing?.line === line.line && writing.side === line.side;
    if (comments.length === 0 && !asked) return null;
    return (
      <>
        {comments.map((comment) => (
          <div key={comment.at + comment.author} className="mb-2">
            <span className="font-semibold">{comment.author}</span>
            <Text text={comment.body} />
          </div>
        ))}
        {asked && (
          <Write
            place={place}
            one={one}
            path={file.path}
            line={line}
            done={() => setWriting(null)}
          />
        )}
      </>
    );
  };
  return (
    <section className="mb-5">
      <div className="flex flex-wrap items-center justify-between gap-2 py-1">
        <h2>
          <code>{file.old_path ? `${file.old_path} → ${file.path}` : file.path}</code>{' '}
          <span className="font-normal text-muted">{word}</span>
        </h2>
        <label className="inline-flex min-h-6 items-center gap-2 text-muted">
          <input
            type="checkbox"
            checked={isViewed}
            onChange={(event) => viewed.set(event.currentTarget.checked ? one.head : null)}
          />
          {difference.viewed}
        </label>
      </div>
      {!isViewed && (
        <Difference
          unified={file.unified}
          path={file.path}
          split={split}
          below={below}
          {...(one.state === 'open' ? { onLine: setWriting } : {})}
        />
      )}
    </section>
  );
}

interface WriteProps {
  place: Place;
  one: PullRequest;
  path: string;
  line: LinePlace;
  done: () => void;
}

function Write({ place, one, path, line, done }: WriteProps): ReactNode {
  const { pullRequests } = useScreens();
  const queries = useQueryClient();
  const [text, setText] = useDraft(`${path}:${line.side}:${line.line}`);
  const action = useAction(() => {
    setText('');
    done();
    void queries.invalidateQueries({ queryKey: ['pull-request'] });
  });
  const send = (): void =>
    action.run(() =>
      answerOf(
        client.POST('/api/v1/repositories/{owner}/{name}/pull-requests/{number}/comments', {
          params: { path: { ...place, number: one.number } },
          body: { path, line: line.line, side: line.side, body: text },
        }),
      ),
    );
  return (
    <div className="max-w-prose">
      <textarea
        className="field min-h-20 w-full"
        aria-label={pullRequests.write}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
      />
      {action.error !== null && <Failure error={action.error} />}
      <button
        type="button"
        className="button button-first mt-1"
        disabled={action.busy || text.trim() === ''}
        onClick={send}
      >
        {pullRequests.comment}
      </button>
    </div>
  );
}
