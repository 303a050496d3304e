// What changing a file in the page says, in French.
import type { EditMessages } from './en-edit';

export const frEdit = {
  hint: 'Tab décale la ligne. Pour quitter l’éditeur au clavier : Échap, puis Tab. Ce que vous écrivez est gardé jusqu’à ce que vous le proposiez.',
  phrases: {
    'Control character': 'Caractère de contrôle',
    'Selection deleted': 'Sélection supprimée',
  },
  movedOn: 'Quelqu’un d’autre a modifié ce fichier depuis que vous avez commencé',
  gone: 'Quelqu’un d’autre a supprimé ce fichier depuis que vous avez commencé',
  kept: 'Rien de ce que vous avez écrit n’est perdu : c’est dans l’éditeur ci-dessous.',
  theirs: 'Ce qui a été modifié entre-temps :',
  noDifference:
    'Ce qui a été modifié ne peut pas être montré : la version d’où vous êtes parti n’existe plus.',
  otherLines: 'Vous n’avez pas modifié les mêmes lignes.',
  sameLines:
    'Vous avez modifié les mêmes lignes. Continuez avec votre texte, et reprenez à la main ce que vous voulez garder de l’autre.',
  carry: 'Reporter ma modification sur la nouvelle version',
  keepMine: 'Continuer avec mon texte tel quel',
  keepMineMeans:
    'Votre texte tel quel défait ce que l’autre a modifié, là où vous ne le reprenez pas.',
  makeAgain: 'Proposer le fichier à nouveau',
} satisfies EditMessages;
