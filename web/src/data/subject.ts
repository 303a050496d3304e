// What a fact is about, taken apart: `pull-request:demo/hello#2`, `environment:demo/hello staging`.
export type Subject =
  | { kind: 'server' }
  | { kind: 'repository'; repository: string }
  | { kind: 'ref'; repository: string; reference: string }
  | { kind: 'pull-request'; repository: string; number: number }
  | { kind: 'run'; run: number }
  | { kind: 'application'; application: string }
  | { kind: 'environment'; repository: string; environment: string }
  | { kind: 'artifact'; digest: string }
  | { kind: 'objective'; application: string; objective: string }
  | { kind: 'incident'; incident: number }
  | { kind: 'other'; text: string };

export function parseSubject(text: string): Subject {
  const colon = text.indexOf(':');
  const name = text.slice(colon + 1);
  const [first = '', second = ''] = name.split(' ');
  switch (text.slice(0, colon)) {
    case 'server':
      return { kind: 'server' };
    case 'repository':
      return { kind: 'repository', repository: name };
    case 'ref':
      return { kind: 'ref', repository: first, reference: second };
    case 'pull-request': {
      const [repository = '', number = ''] = name.split('#');
      return { kind: 'pull-request', repository, number: Number(number) };
    }
    case 'run':
      return { kind: 'run', run: Number(name) };
    case 'application':
      return { kind: 'application', application: name };
    case 'environment':
      return { kind: 'environment', repository: first, environment: second };
    case 'artifact':
      return { kind: 'artifact', digest: name };
    case 'objective':
      return { kind: 'objective', application: first, objective: second };
    case 'incident':
      return { kind: 'incident', incident: Number(name) };
    default:
      return { kind: 'other', text };
  }
}
