// What reviewing and promoting say beyond their screens, in French.
import type { ReviewMessages } from './en-review';

export const frReview = {
  viewed: (n: number, all: number) => `${n} sur ${all} vus`,
  commentOld: (line: number) => `Commenter la ligne ${line}, qui est retirée`,
  objectChanges: { created: 'créé', changed: 'modifié', deleted: 'supprimé' },
  suggestion: 'Changement suggéré',
  suggestionRemoves: 'La ligne est retirée.',
  suggestionOld: (patchSet: number) =>
    `Suggéré pour la version ${patchSet} ; la ligne a pu changer depuis.`,
  suggest: 'Suggérer un changement de cette ligne',
  copyLines: 'Copier les lignes',
  copyPatch: 'Copier pour « git apply --unidiff-zero »',
  copied: 'Copié',
  howToApply: 'Appliquez-le dans votre copie de travail, puis poussez de nouveau le changement.',
  onLine: (line: number, author: string) => `${author}, ligne ${line}`,
  drag: (environment: string) => `Glissez-la dans ${environment} pour l’y promouvoir`,
  drop: 'Déposez-la ici pour la promouvoir',
  recorded: (environment: string) =>
    `C’est noté : ${environment} la prend dès que rien ne la retient.`,
} satisfies ReviewMessages;
