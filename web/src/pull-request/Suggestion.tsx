// A suggested change of one line: what it does, and the ways to take it over.
import type { ReactNode } from 'react';
import type { PullRequest } from '../data/client';
import type { Place } from '../data/queries';
import { CopyText } from '../design/CopyText';
import { Difference } from '../design/Difference';
import { useScreens } from '../messages/Messages';
import { Apply } from './Apply';
import { differenceOf, patchOf } from './suggestion';

interface SuggestionProps {
  place: Place;
  one: PullRequest;
  path: string;
  line: number;
  /** The line as it is now; absent when the suggestion was made for an older patch set. */
  text: string | undefined;
  lines: string[];
  patchSet: number;
}

export function Suggestion(props: SuggestionProps): ReactNode {
  const { place, one, path, line, text, lines, patchSet } = props;
  const { review } = useScreens();
  const difference = text === undefined ? null : differenceOf(line, text, lines);
  return (
    <section aria-label={review.suggestion} className="my-2 max-w-3xl border border-line p-2">
      <p className="font-semibold">{review.suggestion}</p>
      {difference ? (
        <Difference unified={difference} path={path} />
      ) : (
        <>
          <p className="text-wait">{review.suggestionOld(patchSet)}</p>
          <pre className="overflow-x-auto">{lines.join('\n')}</pre>
        </>
      )}
      {lines.length === 0 && <p>{review.suggestionRemoves}</p>}
      <div className="mt-1 flex flex-wrap gap-2">
        {text !== undefined && one.state === 'open' && (
          <Apply place={place} one={one} path={path} line={line} text={text} lines={lines} />
        )}
        {lines.length > 0 && <CopyText label={review.copyLines} text={`${lines.join('\n')}\n`} />}
        {difference && <CopyText label={review.copyPatch} text={patchOf(path, difference)} />}
      </div>
    </section>
  );
}
