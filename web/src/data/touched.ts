// Which answers a fact makes stale: exactly those of its subject, and the lists that show it.
import type { QueryKey } from '@tanstack/react-query';
import type { Fact } from './client';
import { parseSubject } from './subject';

/** A secret is no part of what a repository shows of itself. */
const SECRET = /\.secret_(set|removed)$/;

/** The keys, each a prefix of the queries that must be asked again. */
export function touchedBy(fact: Fact): QueryKey[] {
  const domain = fact.kind.split('.')[0];
  switch (domain) {
    case 'repositories':
      return touchedInRepositories(fact);
    case 'pipelines':
      return touchedInPipelines(fact);
    case 'deployments':
      return touchedInDeployments(fact);
    case 'control':
      return [['status'], ['environments'], ['applications']];
    case 'monitoring':
      return touchedInMonitoring(fact);
    default:
      return [['status']];
  }
}

function touchedInRepositories(fact: Fact): QueryKey[] {
  const subject = parseSubject(fact.subject);
  const repository = field(fact, 'repository');
  switch (subject.kind) {
    case 'pull-request':
      return [['pull-requests'], ['pull-request', subject.repository, subject.number]];
    case 'ref':
      return [
        ['repository', subject.repository],
        ['commits', subject.repository],
        ['notifications', subject.repository],
        ['pull-requests'],
      ];
    case 'repository':
      return fact.kind === 'repositories.check_reported'
        ? [['pull-requests'], ['pull-request', repository ?? subject.repository]]
        : SECRET.test(fact.kind)
          ? [
              ['secrets', subject.repository],
              ['notifications', subject.repository],
            ]
          : [['repositories'], ['repository', subject.repository]];
    case 'server':
      return [['tokens'], ['people'], ['passkeys']];
    default:
      return [];
  }
}

function touchedInPipelines(fact: Fact): QueryKey[] {
  const subject = parseSubject(fact.subject);
  const keys: QueryKey[] = [['runs'], ['runners']];
  if (subject.kind === 'run') keys.push(['run', subject.run]);
  const counted = fact.kind === 'pipelines.run_created' || fact.kind === 'pipelines.run_ended';
  if (counted) keys.push(['status']);
  return keys;
}

function touchedInDeployments(fact: Fact): QueryKey[] {
  const application = field(fact, 'application');
  const declared = fact.kind.startsWith('deployments.application_');
  return [
    ...(declared ? [['destinations']] : []),
    ['status'],
    // With a name: one of the list, which may be too long to be asked for as a whole.
    application ? ['applications', application] : ['applications'],
    application ? ['application', application] : ['application'],
  ];
}

function touchedInMonitoring(fact: Fact): QueryKey[] {
  const subject = parseSubject(fact.subject);
  const application = field(fact, 'application');
  if (fact.kind.startsWith('monitoring.notification_')) return [['notifications']];
  const keys: QueryKey[] = [['status'], ['objectives']];
  if (application) keys.push(['application', application]);
  if (subject.kind === 'incident') keys.push(['incidents'], ['incident', subject.incident]);
  return keys;
}

/** A text field of the fact's own body. */
export function field(fact: Fact, name: string): string | undefined {
  const body: unknown = fact.body;
  if (typeof body !== 'object' || body === null) return undefined;
  const value = (body as Record<string, unknown>)[name];
  return typeof value === 'string' ? value : undefined;
}
