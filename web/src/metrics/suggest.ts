// The query that most likely says something about a metric: of a counter its rate, of an application
// what its replicas do together.
const COUNTER = /_(total|count|sum|bucket)$/;
const WINDOW = '1m';

export function queryFor(metric: string, labels: Record<string, string> = {}): string {
  const matchers = Object.entries(labels).map(([label, value]) => `${label}=${quoted(value)}`);
  const selector = matchers.length > 0 ? `${metric}{${matchers.join(',')}}` : metric;
  return COUNTER.test(metric) ? `rate(${selector}[${WINDOW}])` : selector;
}

export function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/** Labels that tell replicas and their versions apart. */
const OF_REPLICAS = 'instance, replica, revision';

export function queryOfApplication(metric: string, application: string): string {
  const query = queryFor(metric, { application });
  return COUNTER.test(metric) ? `sum without (${OF_REPLICAS}) (${query})` : query;
}
