// Which files of a repository hold its settings, as far as its tree and boucle.yaml tell.
export const CONFIGURATION = 'boucle.yaml';
/** Where owners may stand; the first that is there counts. */
export const OWNERS = ['.github/CODEOWNERS', 'CODEOWNERS', 'docs/CODEOWNERS'] as const;
export const WORKFLOWS = '.github/workflows';

/** The folder that the configuration names under a key of its first level. */
export function folderNamed(configuration: string, key: string): string | null {
  const found = new RegExp(`^["']?${key}["']?:[ \\t]+(.+)$`, 'm').exec(configuration);
  const text = (found?.[1] ?? '').replace(/\s+#.*$/, '').trim();
  const path = text
    .replace(/^(["'])(.*)\1$/, '$2')
    .replace(/^\.\//, '')
    .replace(/\/+$/, '');
  return path === '' || /^[[{&*|>]/.test(path) ? null : path;
}
