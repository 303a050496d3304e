// What is said about what a run left behind, and about its attempts, in French.
import type { ResultMessages } from './en-results';

const plural = new Intl.PluralRules('fr');
const count = (n: number, one: string, other: string): string =>
  `${n.toLocaleString('fr')} ${plural.select(n) === 'one' ? one : other}`;

export const frResults = {
  title: 'Résultats',
  counts: {
    error: (n: number) => count(n, 'erreur', 'erreurs'),
    warning: (n: number) => count(n, 'avertissement', 'avertissements'),
    notice: (n: number) => count(n, 'indication', 'indications'),
    summary: (n: number) => count(n, 'résumé', 'résumés'),
    file: (n: number) => count(n, 'artefact', 'artefacts'),
    published: (n: number) => count(n, 'publication', 'publications'),
  },
  levels: { error: 'Erreur', warning: 'Avertissement', notice: 'Indication' },
  annotations: 'Annotations',
  summary: 'Résumé',
  summaryOf: (job: string) => `Résumé de ${job}`,
  files: 'Artefacts',
  downloadLabel: (name: string) => `Télécharger ${name}`,
  published: 'Publié',
  kinds: { image: 'Image', artifact: 'Artefact' },
  attempt: 'Essai',
  earlier: (shown: number, newest: number) =>
    `C’est l’essai ${shown} ; le plus récent est l’essai ${newest}.`,
  toNewest: 'Montrer le plus récent',
  elsewhere: (n: number) => count(n, 'annotation ailleurs', 'annotations ailleurs'),
  elsewhereWhy:
    'Sur des fichiers et des lignes que cette différence ne montre pas, ou sur aucun fichier.',
} satisfies ResultMessages;
