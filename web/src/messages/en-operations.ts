// What settings say of secrets, notifications, keys and places, in English.
const plural = new Intl.PluralRules('en');
const count = (n: number, one: string, other: string): string =>
  `${n.toLocaleString('en')} ${plural.select(n) === 'one' ? one : other}`;

export const enOperations = {
  secrets: {
    explain:
      'Jobs of accepted code find a secret as “secrets.NAME”, and notifications are signed with one. A value goes in and is never shown again.',
    none: 'This repository has no secret',
    noneNext: 'Set one below.',
    opens: (address: string) => `opens the cluster at ${address}, and no job gets it`,
    opensCharts: (address: string) => `opens the charts at ${address}, and no job gets it`,
    decrypts: 'decrypts SOPS files, and no job gets it',
    setAt: 'set',
    by: (who: string) => `by ${who}`,
    change: 'New value…',
    changeLabel: (name: string) => `Set a new value of ${name}`,
    set: 'Set a secret',
    nameRule: 'Letters, digits, _ and -; it is kept in capital letters.',
    value: 'Value',
    valueRule: (command: string) => `A value of several lines goes in with: ${command}`,
    submit: 'Set',
    done: (name: string) => `${name} is set. Jobs that start from now on get this value.`,
    remove: 'Remove…',
    removeLabel: (name: string) => `Remove the secret ${name}`,
    removeTitle: (name: string) => `Remove the secret ${name}?`,
    removeDoes:
      'Its value is deleted. Jobs that use it find nothing from then on, and notifications that it signs are not sent.',
    removeType: (name: string) => `Type “${name}” to confirm`,
    removeDo: 'Remove',
  },
  notifications: {
    explain:
      'Whom Boucle tells is written in boucle.yaml; every message is signed with a secret of the repository.',
    none: 'Nobody is told anything',
    noneNext: 'Name a receiver under “notifications” in boucle.yaml.',
    secret: 'Signed with',
    known: 'set',
    unknown: 'missing',
    setSecret: (name: string) => `Set ${name}`,
    on: 'About',
    events: {
      incident: 'incidents',
      recovery: 'recoveries',
      rollback: 'rollbacks',
      promotion: 'promotions',
    },
    last: 'The last one',
    never: 'Nothing was sent yet.',
    delivered: 'Delivered',
    failed: 'Not delivered',
    test: 'Send a test',
    testLabel: (name: string) => `Send a test to ${name}`,
    tested: 'The receiver took the test.',
    testing: 'It is being sent…',
  },
  keys: {
    explain:
      'Every fact is in the ledger, and the ledger is signed. With this key anybody can verify a copy of it without this server.',
    key: 'The key that the ledger is verified by',
    copyKey: 'Copy the key',
    signed: (facts: number) => `Signed up to fact ${facts.toLocaleString('en')}`,
    how: 'How to verify it',
    exportFirst: 'Take a copy of the ledger, by command or as a download:',
    download: 'Download the ledger',
    thenVerify: 'Verify the copy, on any machine and without the server:',
    copyCommand: 'Copy the command',
    keep: 'Keep the key where the server cannot change it: whoever has only the server has no proof.',
  },
  places: {
    runners: 'Where jobs run',
    jobsMax: (n: number) => `${count(n, 'job', 'jobs')} at a time`,
    idle: 'Nothing runs now.',
    running: 'What runs now',
    run: (id: number) => `run ${id}`,
    isolated: 'Isolated',
    isolatedWhole: 'No protection is missing on this machine.',
    missing: (n: number) =>
      `${count(n, 'protection is', 'protections are')} missing on this machine:`,
    noRunner: 'There is no runner',
    destinations: 'Where applications go',
    kinds: { processes: 'Processes of this machine', cluster: 'Cluster' },
    reachable: 'Can be deployed to',
    unreachable: 'Nothing can be deployed here',
    noApplications: 'No application goes here.',
    noDestination: 'There is no destination',
  },
};

export type OperationMessages = typeof enOperations;
