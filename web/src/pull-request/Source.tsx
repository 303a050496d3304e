// What changes in the source: each file, unified or side by side, with comments on its lines.

import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useMemo, useState } from 'react';
import type { components } from '../data/api-types';
import type { PullRequest } from '../data/client';
import type { Place } from '../data/queries';
import { Answer, Failure } from '../design/Answer';
import { Difference, type LinePlace } from '../design/Difference';
import { Given } from '../design/Given';
import { readUnified } from '../design/unified';
import { useScreens } from '../messages/Messages';
import type { Annotation } from '../run/annotations';
import { AnnotationAtLine, Elsewhere } from './Annotations';
import { type Annotated, annotatedIn } from './annotated';
import { Said, Write } from './LineTalk';
import { annotationsQuery, sourceDifferenceQuery } from './queries';
import { Since } from './Since';
import { useViewed } from './viewed';

const NO_ANNOTATIONS: Annotation[] = [];

type Changed = components['schemas']['FileDifference'];

interface SourceProps {
  place: Place;
  one: PullRequest;
  split: boolean;
  onSplit: (split: boolean) => void;
  /** Only what changed since this patch set. */
  since: number | undefined;
  onSince: (since: number | undefined) => void;
}

export function Source(props: SourceProps): ReactNode {
  const { place, one, since, onSince } = props;
  const { review } = useScreens();
  const query = useQuery(sourceDifferenceQuery(place, one.number, one.head, since));
  return (
    <>
      <Since one={one} since={since} onSince={onSince} />
      <Answer query={query}>
        {({ files, includes_target }) => (
          <>
            {includes_target && <p className="mt-2 text-wait">{review.includesTarget}</p>}
            <Files {...props} files={files} />
          </>
        )}
      </Answer>
    </>
  );
}

function Files({
  place,
  one,
  split,
  onSplit,
  since,
  files,
}: SourceProps & { files: Changed[] }): ReactNode {
  const { difference, review } = useScreens();
  const paths = useMemo(() => files.map(({ path }) => path), [files]);
  const asked = useQuery(annotationsQuery(place, one.number, one.head));
  const annotations = asked.data?.items ?? NO_ANNOTATIONS;
  const annotated = useMemo(() => annotatedIn(files, annotations), [files, annotations]);
  const viewed = useViewed(one, paths);
  return (
    <>
      <div className="my-3 flex flex-wrap items-center gap-3">
        <span className="text-muted">{difference.files(files.length)}</span>
        <span className="text-muted" aria-live="polite">
          {review.viewed(viewed.count, files.length)}
        </span>
        <button
          type="button"
          className="button"
          aria-pressed={split}
          onClick={() => onSplit(!split)}
        >
          {split ? difference.unified : difference.split}
        </button>
      </div>
      {asked.isError && <Failure error={asked.error} again={() => void asked.refetch()} />}
      <Elsewhere one={one} annotations={annotated.elsewhere} />
      {files.map((file) => (
        <File
          key={file.path}
          place={place}
          one={one}
          split={split}
          partly={since !== undefined}
          file={file}
          annotated={annotated}
          isViewed={viewed.has(file.path)}
          onViewed={(now) => viewed.set(file.path, now)}
        />
      ))}
    </>
  );
}

interface FileProps {
  place: Place;
  one: PullRequest;
  split: boolean;
  /** Its old side is an earlier patch set, whose lines nobody's comments count. */
  partly: boolean;
  file: Changed;
  annotated: Annotated;
  isViewed: boolean;
  onViewed: (viewed: boolean) => void;
}

function File(props: FileProps): ReactNode {
  const { place, one, split, partly, file, annotated, isViewed, onViewed } = props;
  const { difference } = useScreens();
  const [writing, setWriting] = useState<LinePlace | null>(null);
  const word = (difference.changes as Record<string, string>)[file.change] ?? file.change;
  const texts = useMemo(() => textsOf(file.unified), [file.unified]);
  const below = (line: LinePlace): ReactNode => {
    if (partly && line.side === 'old') return null;
    const comments = one.comments.filter(
      ({ path, line: at, side }) => path === file.path && at === line.line && side === line.side,
    );
    const asked = writing?.line === line.line && writing.side === line.side;
    const annotations = line.side === 'new' ? annotated.at(file.path, line.line) : NO_ANNOTATIONS;
    if (comments.length === 0 && annotations.length === 0 && !asked) return null;
    const text = line.side === 'new' ? texts.get(line.line) : undefined;
    return (
      <>
        {annotations.map((annotation, index) => (
          // The same answer has the same order.
          // biome-ignore lint/suspicious/noArrayIndexKey: see above
          <AnnotationAtLine key={index} annotation={annotation} />
        ))}
        {comments.map((comment) => (
          <Said
            key={comment.at + comment.author}
            place={place}
            one={one}
            comment={comment}
            text={text}
          />
        ))}
        {asked && (
          <Write
            place={place}
            one={one}
            path={file.path}
            line={line}
            text={text}
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
          <code>
            {file.old_path && (
              <>
                <Given text={file.old_path} /> →{' '}
              </>
            )}
            <Given text={file.path} />
          </code>{' '}
          <span className="font-normal text-muted">{word}</span>
        </h2>
        <label className="inline-flex min-h-6 items-center gap-2 text-muted">
          <input
            type="checkbox"
            checked={isViewed}
            onChange={(event) => onViewed(event.currentTarget.checked)}
          />
          {difference.viewed}
        </label>
      </div>
      {!isViewed && file.unified === '' && <WithoutLines place={place} one={one} file={file} />}
      {!isViewed && file.unified !== '' && (
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

/** What cannot be shown as lines is said, and can be opened and had all the same. */
function WithoutLines({ place, one, file }: Pick<FileProps, 'place' | 'one' | 'file'>): ReactNode {
  const { difference, repositories } = useScreens();
  const { path, change } = file;
  const full = `${place.owner}/${place.name}`;
  const asked = new URLSearchParams({ path, revision: one.head });
  return (
    <div className="border border-line bg-raised px-3 py-2">
      <p className="text-muted">{difference.noText}</p>
      {change !== 'deleted' && (
        <p className="mt-1 flex flex-wrap items-center gap-3">
          <Link
            to="/repositories/$owner/$name"
            params={place}
            search={{ path, kind: 'file', revision: one.head }}
          >
            {difference.openFile}
          </Link>
          <a className="button" href={`/api/v1/repositories/${full}/raw?${asked}`} download>
            {repositories.download}
          </a>
        </p>
      )}
    </div>
  );
}

/** The lines of the new side that the difference shows, by their number. */
function textsOf(unified: string): Map<number, string> {
  const texts = new Map<number, string>();
  for (const row of readUnified(unified)) if (row.new) texts.set(row.new, row.text);
  return texts;
}
