// What reviewing and promoting say beyond their screens, in English.

export const enReview = {
  viewed: (n: number, all: number) => `${n} of ${all} viewed`,
  commentOld: (line: number) => `Comment on line ${line}, which is removed`,
  objectChanges: { created: 'created', changed: 'changed', deleted: 'removed' },
  suggestion: 'Suggested change',
  suggestionRemoves: 'It takes the line away.',
  suggestionOld: (patchSet: number) =>
    `It was made for patch set ${patchSet}; the line may be another one by now.`,
  suggest: 'Suggest a change of this line',
  copyLines: 'Copy the lines',
  copyPatch: 'Copy for “git apply --unidiff-zero”',
  copied: 'Copied',
  apply: 'Apply',
  applyTitle: (path: string) => `Apply a suggestion to ${path}`,
  lineMoved: 'Another line stands there by now; look at the newest patch set.',
  compare: 'What the change is compared with',
  sinceBase: 'The whole change',
  since: (patchSet: number) => `Since patch set ${patchSet}`,
  sinceMine: (patchSet: number) => `Since my review (patch set ${patchSet})`,
  includesTarget:
    'The two patch sets do not fit onto one base: this also shows what the branch below brought meanwhile.',
  onLine: (line: number, author: string) => `${author} on line ${line}`,
  drag: (environment: string) => `Drag it into ${environment} to promote it there`,
  drop: 'Drop it here to promote',
  recorded: (environment: string) =>
    `It is recorded: ${environment} takes it as soon as nothing holds it back.`,
};

export type ReviewMessages = typeof enReview;
