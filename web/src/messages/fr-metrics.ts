// What the screen of metrics says, in French.
import type { MetricMessages } from './en-metrics';

const plural = new Intl.PluralRules('fr');
const count = (n: number, one: string, other: string): string =>
  `${n.toLocaleString('fr')} ${plural.select(n) === 'one' ? one : other}`;

export const frMetrics = {
  title: 'Métriques',
  tabs: { explore: 'Explorer', objectives: 'Objectifs', delivery: 'Livraison' },
  query: 'Requête (PromQL)',
  queryHint:
    'Noms, étiquettes et valeurs sont proposés pendant la saisie ; les flèches choisissent, Entrée prend.',
  draw: 'Tracer',
  range: 'Durée',
  until: 'Jusqu’à',
  untilNow: 'maintenant',
  now: 'Suivre le temps',
  earlier: 'Plus tôt',
  later: 'Plus tard',
  step: 'Un point toutes les',
  stepAuto: (seconds: number) => `selon la place (${seconds} s)`,
  offered: (n: number) =>
    n === 0 ? 'rien n’est proposé' : count(n, 'proposition', 'propositions'),
  kinds: { name: 'métrique', function: 'fonction', label: 'étiquette', value: 'valeur' },
  start: 'Rien n’est encore tracé',
  startNext: 'Écrivez une requête, ou commencez par l’une de celles-ci :',
  noMetrics: 'Aucune métrique n’est encore conservée',
  noMetricsNext:
    'Les services sont relevés dès qu’ils sont déployés et que leurs pods portent l’annotation prometheus.io/scrape.',
  empty: 'La requête n’a pas de réponse pendant cette durée',
  emptyNext: 'Choisissez une durée plus longue, ou vérifiez les noms et les étiquettes.',
  left: (n: number) =>
    `${count(n, 'série de plus n’est pas montrée', 'séries de plus ne sont pas montrées')}.`,
  chart: (series: number, from: string, to: string) =>
    `Courbes de ${count(series, 'série', 'séries')}, de ${from} à ${to}. Le tableau ci-dessous donne les valeurs.`,
  series: 'Série',
  hideSeries: 'Ne plus la tracer',
  showSeries: 'La tracer à nouveau',
  last: 'dernière',
  at: (time: string) => `à ${time}`,
  values: 'Tableau des valeurs',
  valuesShown: (n: number) =>
    n === 1 ? 'Le point le plus récent.' : `Les ${n.toLocaleString('fr')} points les plus récents.`,
  time: 'Heure',
  deployments: 'Déploiements pendant cette durée',
  noDeployments: 'Rien n’a été déployé pendant cette durée.',
  deployed: (application: string) => `${application} déployée`,
  problems: {
    'query-invalid': 'La requête n’est pas valide',
    'unsupported-query': 'Le serveur ne peut pas répondre exactement à cette requête',
    'query-too-large': 'La requête demande trop',
    'query-timeout': 'La requête a pris trop de temps',
    bad_data: 'La requête est illisible',
    execution: 'La requête n’a pas pu avoir de réponse',
    timeout: 'La requête a pris trop de temps',
    not_found: 'Le serveur n’offre pas cela',
  },
  code: (code: string) => `Code : ${code}`,
  metric: 'Métrique',
  share: 'La part des événements mauvais',
  objectivesNone: 'Aucun objectif n’est déclaré',
  objectivesNoneNext: 'Nommez un dossier de fichiers OpenSLO sous « objectives » dans boucle.yaml.',
  objective: 'Objectif',
  promised: (share: string, window: string) => `${share} sur ${window}`,
  state: 'État',
  budget: 'Budget restant',
  budgetOver: 'épuisé',
  unknown: 'inconnu',
  burn: 'Vitesse à laquelle le budget s’use',
  burnExplain: '1 use exactement le budget.',
  rule: (severity: string, factor: string, window: string) =>
    `${severity} à partir de ${factor}, sur ${window}`,
  severities: { page: 'réveille quelqu’un', ticket: 'ouvre un ticket' },
  rules: { firing: 'Déclenchée', quiet: 'Calme', unknown: 'Inconnue' },
  show: 'Tracer',
  because: {
    'no-data': 'La requête n’a pas de réponse ; vérifiez que le service est relevé.',
    'not-a-share': 'La réponse n’est pas une part entre 0 et 1 ; vérifiez les requêtes.',
    'little-traffic': 'Il y a eu trop peu de requêtes.',
    'query-failed': 'Les métriques conservées n’ont pas répondu.',
    'no-rules': 'Il n’a pas de règle pour en juger.',
  },
  deliveryNext:
    'Les chiffres apparaissent pour les dépôts qui ont des environnements dans boucle.yaml.',
  explore: 'Ouvrir dans Métriques',
} satisfies MetricMessages;
