// What settings say of secrets, notifications, keys and places, in French.
import type { OperationMessages } from './en-operations';

const plural = new Intl.PluralRules('fr');
const count = (n: number, one: string, other: string): string =>
  `${n.toLocaleString('fr')} ${plural.select(n) === 'one' ? one : other}`;

export const frOperations = {
  secrets: {
    explain:
      'Les tâches du code accepté trouvent un secret sous « secrets.NOM », et les avis sont signés avec l’un d’eux. Une valeur entre et n’est plus jamais montrée.',
    none: 'Ce dépôt n’a aucun secret',
    noneNext: 'Définissez-en un ci-dessous.',
    opens: (address: string) => `ouvre le cluster à ${address}, et aucune tâche ne le reçoit`,
    opensCharts: (address: string) =>
      `ouvre les charts de ${address}, et aucune tâche ne le reçoit`,
    decrypts: 'déchiffre les fichiers SOPS, et aucune tâche ne le reçoit',
    setAt: 'défini',
    by: (who: string) => `par ${who}`,
    change: 'Nouvelle valeur…',
    changeLabel: (name: string) => `Donner une nouvelle valeur à ${name}`,
    set: 'Définir un secret',
    nameRule: 'Lettres, chiffres, _ et - ; il est gardé en majuscules.',
    value: 'Valeur',
    valueRule: (command: string) => `Une valeur de plusieurs lignes entre par : ${command}`,
    submit: 'Définir',
    done: (name: string) =>
      `${name} est défini. Les tâches qui démarrent désormais reçoivent cette valeur.`,
    remove: 'Retirer…',
    removeLabel: (name: string) => `Retirer le secret ${name}`,
    removeTitle: (name: string) => `Retirer le secret ${name} ?`,
    removeDoes:
      'Sa valeur est supprimée. Les tâches qui s’en servent ne trouvent plus rien, et les avis qu’il signe ne partent plus.',
    removeType: (name: string) => `Saisissez « ${name} » pour confirmer`,
    removeDo: 'Retirer',
  },
  notifications: {
    explain:
      'Qui Boucle avertit est écrit dans boucle.yaml ; chaque message est signé avec un secret du dépôt.',
    none: 'Personne n’est averti de rien',
    noneNext: 'Nommez un destinataire sous « notifications » dans boucle.yaml.',
    secret: 'Signé avec',
    known: 'défini',
    unknown: 'absent',
    setSecret: (name: string) => `Définir ${name}`,
    on: 'À propos',
    events: {
      incident: 'des incidents',
      recovery: 'des rétablissements',
      rollback: 'des retours arrière',
      promotion: 'des promotions',
    },
    last: 'Le dernier avis',
    never: 'Rien n’a encore été envoyé.',
    delivered: 'Reçu',
    failed: 'Non reçu',
    test: 'Envoyer un essai',
    testLabel: (name: string) => `Envoyer un essai à ${name}`,
    tested: 'Le destinataire a reçu l’essai.',
    testing: 'Envoi en cours…',
  },
  keys: {
    explain:
      'Chaque fait est dans le registre, et le registre est signé. Avec cette clé, chacun peut en vérifier une copie sans ce serveur.',
    key: 'La clé qui vérifie le registre',
    copyKey: 'Copier la clé',
    signed: (facts: number) => `Signé jusqu’au fait ${facts.toLocaleString('fr')}`,
    how: 'Comment le vérifier',
    exportFirst: 'Prenez une copie du registre, par commande ou par téléchargement :',
    download: 'Télécharger le registre',
    thenVerify: 'Vérifiez la copie, sur n’importe quelle machine et sans le serveur :',
    copyCommand: 'Copier la commande',
    keep: 'Gardez la clé là où le serveur ne peut pas la changer : qui n’a que le serveur n’a aucune preuve.',
  },
  places: {
    runners: 'Là où tournent les tâches',
    jobsMax: (n: number) => `${count(n, 'tâche', 'tâches')} à la fois`,
    idle: 'Rien ne tourne en ce moment.',
    running: 'Ce qui tourne en ce moment',
    run: (id: number) => `exécution ${id}`,
    isolated: 'Isolées',
    isolatedWhole: 'Aucune protection ne manque sur cette machine.',
    missing: (n: number) =>
      `${count(n, 'protection manque', 'protections manquent')} sur cette machine :`,
    noRunner: 'Rien n’exécute de tâches',
    destinations: 'Là où vont les applications',
    kinds: { processes: 'Processus de cette machine', cluster: 'Cluster' },
    reachable: 'On peut y déployer',
    unreachable: 'Rien ne peut y être déployé',
    noApplications: 'Aucune application n’y va.',
    noDestination: 'Il n’y a aucune destination',
  },
} satisfies OperationMessages;
