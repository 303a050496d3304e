// What the screen of settings says, in French.
import type { SettingsMessages } from './en-settings';
import { frOperations } from './fr-operations';

export const frSettings = {
  ...frOperations,
  title: 'Réglages',
  tabs: {
    git: 'Dans Git',
    secrets: 'Secrets',
    notifications: 'Avis',
    people: 'Personnes',
    tokens: 'Jetons',
    keys: 'Clés',
    places: 'Lieux',
    server: 'Serveur',
    browser: 'Ce navigateur',
  },
  name: 'Nom',
  role: 'Rôle',
  roles: { read: 'Lire', write: 'Écrire', admin: 'Administrer' },
  state: 'État',
  cancel: 'Annuler',
  people: {
    none: 'Personne n’a encore de compte',
    noneNext:
      'Invitez quelqu’un ci-dessous ; qui a ouvert le lien à usage unique du serveur n’est pas un compte.',
    states: { invited: 'Invitation en cours', joined: 'Présence confirmée' },
    tokens: (n: number) =>
      n < 2 ? `${n} session ou jeton` : `${n.toLocaleString('fr')} sessions et jetons`,
    invite: 'Inviter quelqu’un',
    inviteExplain:
      'Cela crée un lien qui sert une fois. Il permet de choisir un mot de passe ou une clé d’accès.',
    nameRule: 'Lettres, chiffres, et - _ . @',
    submit: 'Créer le lien',
    link: (name: string) => `Donnez ce lien à ${name} ; il n’est montré que cette fois :`,
    ends: 'Il expire le',
    remove: 'Retirer…',
    removeLabel: (name: string) => `Retirer ${name}`,
    removeTitle: (name: string) => `Retirer ${name} ?`,
    removeDoes:
      'Ses sessions et jetons prennent fin aussitôt. Ce que cette personne a fait reste dans le registre et dans Git.',
    removeType: (name: string) => `Saisissez « ${name} » pour confirmer`,
    removeDo: 'Retirer',
  },
  tokens: {
    none: 'Il n’y a aucun jeton',
    kind: 'À qui',
    kinds: { person: 'À une personne', machine: 'À une machine' },
    where: 'Où',
    everywhere: 'Partout',
    until: 'jusqu’au',
    ended: 'Expiré',
    create: 'Créer un jeton',
    days: 'Valable, en jours',
    submit: 'Créer le jeton',
    secret: (name: string) =>
      `Le jeton de ${name}. Il n’est montré que cette fois ; gardez-le en lieu sûr :`,
    copy: 'Copier',
    copied: 'Copié',
    put: 'Je l’ai',
    revoke: 'Révoquer…',
    revokeLabel: (name: string) => `Révoquer le jeton de ${name}`,
    revokeTitle: (name: string) => `Révoquer le jeton de ${name} ?`,
    revokeDoes: 'Tout ce qui s’en sert est refusé dès lors. C’est sans retour.',
    revokeDo: 'Révoquer',
  },
  server: {
    well: 'Le serveur n’a rien trouvé d’anormal.',
    notWell: (n: number) =>
      n === 1
        ? '1 point demande attention.'
        : `${n.toLocaleString('fr')} points demandent attention.`,
    explain:
      'Ce que le serveur a constaté sur lui-même : son stockage, son registre, et le bac à sable où tournent les tâches.',
    version: 'Version',
    address: 'Adresse',
    states: { ok: 'En ordre', degraded: 'Dégradé', failed: 'En échec' },
    groups: {
      sandbox: 'Là où tournent les tâches',
      storage: 'Stockage et registre',
      other: 'Tout le reste',
    },
  },
  git: {
    explain:
      'La façon dont un dépôt est relu, construit, déployé et surveillé est écrite dans ses fichiers. Elle change comme tout le reste : par une demande de changement.',
    repository: 'Dépôt',
    noRepository: 'Il n’y a encore aucun dépôt',
    noRepositoryNext: 'Créez-en un : boucle repo create OWNER/NAME',
    configuration: 'Relectures, artefacts, environnements',
    owners: 'À qui sont les fichiers',
    workflows: 'Workflows',
    applications: 'Applications',
    objectives: 'Objectifs',
    change: 'Changer cela par une demande de changement',
    changeHow:
      'Le fichier s’ouvre ; « Modifier » y propose votre changement comme demande de changement, qui montre ses conséquences avant que rien n’arrive.',
    absent: (path: string) => `Il n’y a pas de ${path} sur la branche par défaut.`,
    notNamed: (key: string) => `boucle.yaml ne nomme aucun dossier sous « ${key} ».`,
    wrong: 'boucle.yaml est illisible :',
  },
  browser: {
    explain: 'Ces choix restent dans ce navigateur et nulle part ailleurs.',
  },
} satisfies SettingsMessages;
