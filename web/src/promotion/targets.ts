// Where a build can be promoted to by hand: by its button and by dropping it there alike.
import type { components } from '../data/api-types';

type Place = components['schemas']['Place'];

export function allows(place: Pick<Place, 'can_be_promoted' | 'state'>): boolean {
  return place.can_be_promoted && place.state !== 'here';
}

/** The environments that would take the build, in their order. */
export function targetsOf(
  places: Pick<Place, 'can_be_promoted' | 'environment' | 'state'>[],
): string[] {
  return places.filter(allows).map(({ environment }) => environment);
}
