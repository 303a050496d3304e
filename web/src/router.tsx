// Every address of the page: what is in it, and which screen draws it.
import type { QueryClient } from '@tanstack/react-query';
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
} from '@tanstack/react-router';
import { Home } from './home/Home';
import { Layout } from './shell/Layout';
import { NotFound } from './shell/NotFound';

interface Context {
  queries: QueryClient;
}

type Search = Record<string, unknown>;

/** The texts of these names in an address; others are dropped. */
function texts<K extends string>(...names: K[]) {
  return (search: Search): Partial<Record<K, string>> => {
    const kept: Partial<Record<K, string>> = {};
    for (const name of names) {
      const value = search[name];
      if (typeof value === 'string' || typeof value === 'number') kept[name] = String(value);
    }
    return kept;
  };
}

const root = createRootRouteWithContext<Context>()({
  component: Layout,
  notFoundComponent: NotFound,
});
const parent = { getParentRoute: () => root };

const home = createRoute({
  ...parent,
  path: '/',
  validateSearch: texts('filter'),
  component: Home,
});
const setUp = createRoute({
  ...parent,
  path: '/setup',
  component: lazyRouteComponent(() => import('./set-up/SetUp'), 'SetUp'),
});
const timeline = createRoute({
  ...parent,
  path: '/timeline',
  validateSearch: texts('kind', 'actor', 'subject'),
  component: lazyRouteComponent(() => import('./timeline/Timeline'), 'Timeline'),
});
const repositories = createRoute({
  ...parent,
  path: '/repositories',
  component: lazyRouteComponent(() => import('./repository/Repositories'), 'Repositories'),
});
const repository = createRoute({
  ...parent,
  path: '/repositories/$owner/$name',
  validateSearch: texts('path', 'kind', 'revision', 'view', 'search', 'line', 'mode'),
  component: lazyRouteComponent(() => import('./repository/Repository'), 'Repository'),
});
const pullRequests = createRoute({
  ...parent,
  path: '/pull-requests',
  component: lazyRouteComponent(() => import('./pull-request/PullRequests'), 'PullRequests'),
});
const pullRequest = createRoute({
  ...parent,
  path: '/repositories/$owner/$name/pull-requests/$number',
  validateSearch: texts('tab', 'layout', 'since'),
  component: lazyRouteComponent(() => import('./pull-request/PullRequest'), 'PullRequestScreen'),
});
const runs = createRoute({
  ...parent,
  path: '/runs',
  component: lazyRouteComponent(() => import('./run/Runs'), 'Runs'),
});
const run = createRoute({
  ...parent,
  path: '/runs/$id',
  validateSearch: texts('job', 'find', 'line', 'view', 'attempt'),
  component: lazyRouteComponent(() => import('./run/Run'), 'RunScreen'),
});
const applications = createRoute({
  ...parent,
  path: '/applications',
  validateSearch: texts('filter'),
  component: lazyRouteComponent(() => import('./application/Applications'), 'Applications'),
});
const application = createRoute({
  ...parent,
  path: '/applications/$name',
  validateSearch: texts('tab', 'from', 'to', 'view', 'only', 'metric', 'range', 'until', 'step'),
  component: lazyRouteComponent(() => import('./application/Application'), 'ApplicationScreen'),
});
const promotion = createRoute({
  ...parent,
  path: '/promotion',
  validateSearch: texts('repository'),
  component: lazyRouteComponent(() => import('./promotion/Promotion'), 'Promotion'),
});
const metrics = createRoute({
  ...parent,
  // The server’s own metrics are at /metrics.
  path: '/monitoring',
  validateSearch: texts('tab', 'query', 'range', 'until', 'step'),
  component: lazyRouteComponent(() => import('./metrics/Metrics'), 'Metrics'),
});
const incidents = createRoute({
  ...parent,
  path: '/incidents',
  component: lazyRouteComponent(() => import('./incident/Incidents'), 'Incidents'),
});
const incident = createRoute({
  ...parent,
  path: '/incidents/$id',
  component: lazyRouteComponent(() => import('./incident/Incident'), 'IncidentScreen'),
});

const settings = createRoute({
  ...parent,
  path: '/settings',
  validateSearch: texts('tab', 'repository', 'secret'),
  component: lazyRouteComponent(() => import('./settings/Settings'), 'Settings'),
});

const tree = root.addChildren([
  home,
  setUp,
  timeline,
  repositories,
  repository,
  pullRequests,
  pullRequest,
  runs,
  run,
  applications,
  application,
  promotion,
  metrics,
  incidents,
  incident,
  settings,
]);

export function createAppRouter(queries: QueryClient) {
  return createRouter({ routeTree: tree, context: { queries }, defaultPreload: 'intent' });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof createAppRouter>;
  }
}
