// What changing a file in the page says, in English.

export const enEdit = {
  hint: 'Tab indents. To leave the editor by keyboard: Escape, then Tab. What you type is kept until you propose it.',
  phrases: {
    'Control character': 'Control character',
    'Selection deleted': 'Selection deleted',
  },
  movedOn: 'Somebody else changed this file since you began',
  gone: 'Somebody else removed this file since you began',
  kept: 'Nothing that you typed is lost: it is in the editor below.',
  theirs: 'What they changed:',
  noDifference: 'What they changed cannot be shown: the version that you began from is gone.',
  otherLines: 'You changed other lines than they did.',
  sameLines:
    'You both changed the same lines. Go on with your text, and carry over by hand what you want of theirs.',
  carry: 'Put my change on the new version',
  keepMine: 'Go on with my text as it is',
  keepMineMeans: 'Your text as it is takes back what they changed, where you do not carry it over.',
  makeAgain: 'Propose the file anew',
};

export type EditMessages = typeof enEdit;
