// A repository's name taken apart: `demo/hello`.
import type { Place } from '../data/queries';

export function placeOf(name: string): Place {
  const [owner = '', repository = ''] = name.split('/');
  return { owner, name: repository };
}
