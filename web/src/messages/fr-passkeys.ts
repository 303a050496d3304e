// What passkeys say, in French.
import type { PasskeyMessages } from './en-passkeys';

export const frPasskeys = {
  needName: 'Les clés d’accès exigent un nom, et cette adresse n’est faite que de chiffres.',
  openByName: 'Ouvrir la même page par son nom',
  unsupported:
    'Ce navigateur n’a pas de clés d’accès. Un plus récent en a ; un mot de passe fonctionne toujours.',
  device: 'Cet appareil',
  on: (browser: string, system: string) => `${browser} sur ${system}`,
  chooseWay: 'Choisissez un nom et un accès',
  orPasskey:
    'Ou sans mot de passe : une clé d’accès est gardée par votre appareil, et vous la déverrouillez.',
  begin: 'Commencer avec une clé d’accès',
  signIn: 'Se connecter avec une clé d’accès',
  title: 'Vos clés d’accès',
  explain:
    'Une clé d’accès vous connecte sans nom ni mot de passe : votre appareil la garde, et vous l’y déverrouillez.',
  none: 'Vous n’avez pas encore de clé d’accès.',
  label: 'Comment vous l’appelez',
  labelRule: 'Pour la reconnaître dans cette liste.',
  add: 'Ajouter une clé d’accès',
  added: 'Ajoutée',
  used: 'Dernier usage',
  neverUsed: 'Pas encore utilisée',
  remove: 'Retirer…',
  removeLabel: (label: string) => `Retirer la clé d’accès ${label}`,
  removeTitle: (label: string) => `Retirer la clé d’accès ${label} ?`,
  removeDoes:
    'Elle ne vous connecte plus ici. Votre appareil peut encore la proposer : retirez-la aussi là-bas. Les sessions continuent.',
  removeDo: 'Retirer',
} satisfies PasskeyMessages;
