// What the screen of settings says, in English; loaded with it.
import { enOperations } from './en-operations';

const plural = new Intl.PluralRules('en');
const count = (n: number, one: string, other: string): string =>
  `${n.toLocaleString('en')} ${plural.select(n) === 'one' ? one : other}`;

export const enSettings = {
  ...enOperations,
  title: 'Settings',
  tabs: {
    git: 'In Git',
    secrets: 'Secrets',
    notifications: 'Notifications',
    people: 'People',
    tokens: 'Tokens',
    keys: 'Keys',
    places: 'Places',
    server: 'Server',
    browser: 'This browser',
  },
  name: 'Name',
  role: 'Role',
  roles: { read: 'Read', write: 'Write', admin: 'Administer' },
  state: 'State',
  cancel: 'Cancel',
  people: {
    none: 'Nobody has an account yet',
    noneNext:
      'Invite somebody below; whoever opened the one-time link of the server is no account.',
    states: { invited: 'Invited', joined: 'Joined' },
    tokens: (n: number) => count(n, 'session or token', 'sessions and tokens'),
    invite: 'Invite somebody',
    inviteExplain: 'It makes a link that works once. With it they choose a password or a passkey.',
    nameRule: 'Letters, digits, and - _ . @',
    submit: 'Make the link',
    link: (name: string) => `Give this link to ${name}; it is shown this once:`,
    ends: 'It ends',
    remove: 'Remove…',
    removeLabel: (name: string) => `Remove ${name}`,
    removeTitle: (name: string) => `Remove ${name}?`,
    removeDoes:
      'Their sessions and tokens end at once. What they did stays in the ledger and in Git.',
    removeType: (name: string) => `Type “${name}” to confirm`,
    removeDo: 'Remove',
  },
  tokens: {
    none: 'There is no token',
    kind: 'Whose',
    kinds: { person: 'A person’s', machine: 'A machine’s' },
    where: 'Where',
    everywhere: 'Everywhere',
    until: 'until',
    ended: 'Over',
    create: 'Make a token',
    days: 'Valid for days',
    submit: 'Make the token',
    secret: (name: string) => `The token of ${name}. It is shown this once; keep it safe:`,
    copy: 'Copy',
    copied: 'Copied',
    put: 'I have it',
    revoke: 'Revoke…',
    revokeLabel: (name: string) => `Revoke the token of ${name}`,
    revokeTitle: (name: string) => `Revoke the token of ${name}?`,
    revokeDoes: 'Whatever uses it is refused from then on. It cannot be taken back.',
    revokeDo: 'Revoke',
  },
  server: {
    well: 'The server found nothing wrong.',
    notWell: (n: number) => `${count(n, 'thing needs', 'things need')} attention.`,
    explain:
      'What the server found about itself: its storage, its ledger, and the sandbox that jobs run in.',
    version: 'Version',
    address: 'Address',
    states: { ok: 'In order', degraded: 'Degraded', failed: 'Failed' },
    groups: { sandbox: 'Where jobs run', storage: 'Storage and ledger', other: 'Everything else' },
  },
  git: {
    explain:
      'How a repository is reviewed, built, deployed and watched is written in its files. It is changed like everything else: by a pull request.',
    repository: 'Repository',
    noRepository: 'There is no repository yet',
    noRepositoryNext: 'Make one: boucle repo create OWNER/NAME',
    configuration: 'Reviews, artifacts, environments',
    owners: 'Who owns which files',
    workflows: 'Workflows',
    applications: 'Applications',
    objectives: 'Objectives',
    change: 'Change this by a pull request',
    changeHow:
      'The file opens; “Edit” there proposes your change as a pull request, which shows its consequences before anything happens.',
    absent: (path: string) => `There is no ${path} on the default branch.`,
    notNamed: (key: string) => `boucle.yaml names no folder as “${key}”.`,
    wrong: 'boucle.yaml cannot be read:',
  },
  browser: {
    explain: 'These choices are kept in this browser and nowhere else.',
  },
};

export type SettingsMessages = typeof enSettings;
