// What is said about what a run left behind, and about its attempts, in English.
const plural = new Intl.PluralRules('en');
const count = (n: number, one: string, other: string): string =>
  `${n.toLocaleString('en')} ${plural.select(n) === 'one' ? one : other}`;

export const enResults = {
  title: 'Results',
  counts: {
    error: (n: number) => count(n, 'error', 'errors'),
    warning: (n: number) => count(n, 'warning', 'warnings'),
    notice: (n: number) => count(n, 'notice', 'notices'),
    summary: (n: number) => count(n, 'summary', 'summaries'),
    file: (n: number) => count(n, 'artifact', 'artifacts'),
    published: (n: number) => count(n, 'publication', 'publications'),
  },
  levels: { error: 'Error', warning: 'Warning', notice: 'Notice' },
  annotations: 'Annotations',
  summary: 'Summary',
  summaryOf: (job: string) => `Summary of ${job}`,
  files: 'Artifacts',
  downloadLabel: (name: string) => `Download ${name}`,
  published: 'Published',
  kinds: { image: 'Image', artifact: 'Artifact' },
  attempt: 'Attempt',
  earlier: (shown: number, newest: number) =>
    `This is attempt ${shown}; the newest is attempt ${newest}.`,
  toNewest: 'Show the newest',
  elsewhere: (n: number) => count(n, 'annotation elsewhere', 'annotations elsewhere'),
  elsewhereWhy: 'On files and lines that this difference does not show, or on no file at all.',
};

export type ResultMessages = typeof enResults;
