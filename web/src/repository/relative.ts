// Where a relative link in a file of a repository leads: to another file of the same revision.
import type { Place } from '../data/queries';

/** The address of `docs/a.md#top`, as a link in the file at `from` names it. */
export function addressOf(place: Place, revision: string, from: string, link: string): string {
  const [name = '', mark] = link.split('#');
  const path = pathOf(from, decoded(name.split('?')[0] ?? ''));
  const asked = new URLSearchParams({ path, ...(revision ? { revision } : {}) });
  return `/repositories/${place.owner}/${place.name}?${asked}${mark ? `#${mark}` : ''}`;
}

function pathOf(from: string, link: string): string {
  const parts = from.split('/').slice(0, -1);
  for (const part of link.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
