// Where each job of a run stands in the graph: left to right, after what it needs.
import { Graph, layout } from '@dagrejs/dagre';

export const JOB_WIDTH = 208;
export const JOB_HEIGHT = 60;
const BETWEEN_RANKS = 56;
const BETWEEN_JOBS = 16;
const MARGIN = 8;

export interface PlacedJob {
  key: string;
  x: number;
  y: number;
}

export interface Point {
  x: number;
  y: number;
}

export interface PlacedEdge {
  from: string;
  to: string;
  /** Where it bends, so that it goes around the jobs between its ends. */
  bends: Point[];
}

export interface JobGraph {
  jobs: PlacedJob[];
  /** From a job that is needed to the job that needs it. */
  edges: PlacedEdge[];
  width: number;
  height: number;
}

/** A job by its key, and the ids of those that it needs. */
export interface Needing {
  key: string;
  needs: readonly string[];
}

/** A job's id; a number at the end of a key is the place in a matrix. */
function idOf(key: string): string {
  return key.replace(/\.\d+$/, '');
}

/** The job that calls the workflow that a job is in: `deploy.0` of `deploy.0.build.2`. */
function callerOf(key: string): string | undefined {
  const id = idOf(key);
  const dot = id.lastIndexOf('.');
  return dot < 0 ? undefined : id.slice(0, dot);
}

/** The id of a job and those of the jobs that call it. */
function idsOf(key: string): string[] {
  const caller = callerOf(key);
  return caller === undefined ? [idOf(key)] : [idOf(key), ...idsOf(caller)];
}

/** Who needs a job that calls a workflow needs all of it; what is called comes after its caller. */
export function edgesOf(jobs: readonly Needing[]): [string, string][] {
  return jobs.flatMap(({ key, needs }) => {
    const caller = callerOf(key);
    const called: [string, string][] =
      caller !== undefined && needs.length === 0 ? [[caller, key]] : [];
    const needed = needs.flatMap((need) =>
      jobs
        .filter((other) => idsOf(other.key).includes(need))
        .map((other): [string, string] => [other.key, key]),
    );
    return [...called, ...needed];
  });
}

export function placeJobs(needing: readonly Needing[]): JobGraph {
  const keys = needing.map(({ key }) => key);
  const pairs = edgesOf(needing);
  const graph = new Graph();
  graph.setGraph({
    rankdir: 'LR',
    nodesep: BETWEEN_JOBS,
    ranksep: BETWEEN_RANKS,
    marginx: MARGIN,
    marginy: MARGIN,
  });
  graph.setDefaultEdgeLabel(() => ({}));
  // The last one that is told stands on top.
  for (const key of keys.toReversed()) graph.setNode(key, { width: JOB_WIDTH, height: JOB_HEIGHT });
  for (const [from, to] of pairs.toReversed()) graph.setEdge(from, to);
  layout(graph);
  const jobs = keys.map((key) => {
    const { x = 0, y = 0 } = graph.node(key) as { x?: number; y?: number };
    return { key, x: x - JOB_WIDTH / 2, y: y - JOB_HEIGHT / 2 };
  });
  const edges = pairs.map(([from, to]): PlacedEdge => {
    const { points = [] } = graph.edge(from, to) as { points?: Point[] };
    return { from, to, bends: points.slice(1, -1) };
  });
  const width = Math.max(0, ...jobs.map(({ x }) => x + JOB_WIDTH)) + MARGIN;
  const height = Math.max(0, ...jobs.map(({ y }) => y + JOB_HEIGHT)) + MARGIN;
  return { jobs, edges, width, height };
}

/** A smooth line from left to right through the points. */
export function pathThrough(points: readonly Point[]): string {
  const [first, ...others] = points;
  if (!first) return '';
  let before = first;
  let path = `M${first.x},${first.y}`;
  for (const point of others) {
    const middle = (before.x + point.x) / 2;
    path += ` C${middle},${before.y} ${middle},${point.y} ${point.x},${point.y}`;
    before = point;
  }
  return path;
}
