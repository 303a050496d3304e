// What reviewing and promoting say beyond their screens, in French.
import type { ReviewMessages } from './en-review';

export const frReview = {
  viewed: (n: number, all: number) => `${n} sur ${all} vus`,
  commentOld: (line: number) => `Commenter la ligne ${line}, qui est retirée`,
  objectChanges: { created: 'créé', changed: 'modifié', deleted: 'supprimé' },
  suggestion: 'Changement suggéré',
  suggestionRemoves: 'La ligne est retirée.',
  suggestionOld: (patchSet: number) =>
    `Suggéré pour la version ${patchSet} ; la ligne a pu changer depuis.`,
  suggest: 'Suggérer un changement de cette ligne',
  copyLines: 'Copier les lignes',
  copyPatch: 'Copier pour « git apply --unidiff-zero »',
  copied: 'Copié',
  apply: 'Appliquer',
  applyTitle: (path: string) => `Appliquer une suggestion à ${path}`,
  lineMoved: 'Une autre ligne s’y trouve désormais ; regardez la dernière version.',
  compare: 'Ce à quoi le changement est comparé',
  sinceBase: 'Tout le changement',
  since: (patchSet: number) => `Depuis la version ${patchSet}`,
  sinceMine: (patchSet: number) => `Depuis ma relecture (version ${patchSet})`,
  includesTarget:
    'Les deux versions ne tiennent pas sur une même base : ce que la branche d’en dessous a apporté entre-temps est montré aussi.',
  onLine: (line: number, author: string) => `${author}, ligne ${line}`,
  drag: (environment: string) => `Glissez-la dans ${environment} pour l’y promouvoir`,
  drop: 'Déposez-la ici pour la promouvoir',
  recorded: (environment: string) =>
    `C’est noté : ${environment} la prend dès que rien ne la retient.`,
} satisfies ReviewMessages;
