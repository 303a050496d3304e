// What passkeys say, in English; loaded where one signs in and with the settings.
export const enPasskeys = {
  needName: 'Passkeys need a name, and this address has only numbers.',
  openByName: 'Open the same page by its name',
  unsupported: 'This browser has no passkeys. A newer one has them; a password always works.',
  device: 'This device',
  on: (browser: string, system: string) => `${browser} on ${system}`,
  chooseWay: 'Choose a name and a way in',
  orPasskey: 'Or without a password: a passkey is a key that your device keeps and you unlock.',
  begin: 'Begin with a passkey',
  signIn: 'Sign in with a passkey',
  title: 'Your passkeys',
  explain:
    'A passkey signs you in without a name or password: your device keeps it, and you unlock it there.',
  none: 'You have no passkey yet.',
  label: 'What you call it',
  labelRule: 'So that you recognise it in this list.',
  add: 'Add a passkey',
  added: 'Added',
  used: 'Last used',
  neverUsed: 'Not used yet',
  remove: 'Remove…',
  removeLabel: (label: string) => `Remove the passkey ${label}`,
  removeTitle: (label: string) => `Remove the passkey ${label}?`,
  removeDoes:
    'It signs you in here no more. Your device may go on to offer it: remove it there, too. Sessions go on.',
  removeDo: 'Remove',
};

export type PasskeyMessages = typeof enPasskeys;
