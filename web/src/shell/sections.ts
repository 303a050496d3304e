// The sections of the page, in the order in which they stand, with their second key after `g`.
export const SECTIONS = [
  { to: '/', name: 'home', key: 'h' },
  { to: '/repositories', name: 'repositories', key: 'f' },
  { to: '/pull-requests', name: 'pullRequests', key: 'p' },
  { to: '/runs', name: 'runs', key: 'r' },
  { to: '/applications', name: 'applications', key: 'a' },
  { to: '/promotion', name: 'promotion', key: 'o' },
  { to: '/monitoring', name: 'metrics', key: 'm' },
  { to: '/incidents', name: 'incidents', key: 'i' },
  { to: '/timeline', name: 'timeline', key: 't' },
  { to: '/settings', name: 'settings', key: 's' },
] as const;

/** The section that an address belongs to: a pull request lies below its repository, but is its own. */
export function sectionOf(pathname: string): (typeof SECTIONS)[number]['to'] | undefined {
  if (/^\/repositories\/[^/]+\/[^/]+\/pull-requests(\/|$)/.test(pathname)) return '/pull-requests';
  return SECTIONS.find(({ to }) =>
    to === '/' ? pathname === '/' : pathname === to || pathname.startsWith(`${to}/`),
  )?.to;
}
