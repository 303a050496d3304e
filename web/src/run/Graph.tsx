// The jobs of a run as a graph: an arrow goes from each job to those that need it.
import '@xyflow/react/dist/base.css';
import './graph.css';
import {
  BaseEdge,
  type Edge,
  type EdgeProps,
  Handle,
  MarkerType,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
} from '@xyflow/react';
import { type ReactNode, useEffect, useMemo, useRef } from 'react';
import type { Job, Run } from '../data/client';
import { State } from '../design/State';
import { useScreens } from '../messages/Messages';
import { JOB_HEIGHT, JOB_WIDTH, type Point, pathThrough, placeJobs } from './layout';

/** What is seen of the arrows before the chosen job. */
const BESIDE_CHOSEN = 40;

interface GraphProps {
  run: Run;
  chosen: string | undefined;
  onChoose: (key: string) => void;
}

type JobNode = Node<{ job: Job; chosen: boolean; onChoose: (key: string) => void }, 'job'>;

type NeedsEdge = Edge<{ bends: Point[] }, 'needs'>;

const KINDS = { job: JobBox };
const EDGE_KINDS = { needs: NeedsArrow };

export default function Graph({ run, chosen, onChoose }: GraphProps): ReactNode {
  const { runs } = useScreens();
  const graph = useMemo(() => placeJobs(run.jobs), [run.jobs]);
  const holder = useRef<HTMLElement>(null);
  const left = graph.jobs.find(({ key }) => key === chosen)?.x;
  useEffect(() => {
    const box = holder.current;
    if (!box || left === undefined) return;
    const hidden = left < box.scrollLeft || left + JOB_WIDTH > box.scrollLeft + box.clientWidth;
    if (hidden) box.scrollLeft = left - BESIDE_CHOSEN;
  }, [left]);
  const jobs = new Map(run.jobs.map((job) => [job.key, job]));
  const nodes = graph.jobs.flatMap(({ key, x, y }): JobNode[] => {
    const job = jobs.get(key);
    if (!job) return [];
    const data = { job, chosen: key === chosen, onChoose };
    return [
      {
        id: key,
        type: 'job',
        position: { x, y },
        width: JOB_WIDTH,
        height: JOB_HEIGHT,
        data,
        focusable: false,
      },
    ];
  });
  const edges = graph.edges.map(
    ({ from, to, bends }): NeedsEdge => ({
      id: `${from} ${to}`,
      type: 'needs',
      source: from,
      target: to,
      data: { bends },
      focusable: false,
      markerEnd: { type: MarkerType.ArrowClosed, color: 'var(--muted)' },
    }),
  );
  return (
    <section
      ref={holder}
      aria-label={runs.graph}
      className="run-graph mt-2 overflow-x-auto border border-line bg-sunken"
    >
      <div style={{ width: graph.width, height: graph.height }}>
        <ReactFlow
          nodes={nodes}
          edges={edges}
          nodeTypes={KINDS}
          edgeTypes={EDGE_KINDS}
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          edgesFocusable={false}
          elementsSelectable={false}
          panOnDrag={false}
          panOnScroll={false}
          zoomOnScroll={false}
          zoomOnPinch={false}
          zoomOnDoubleClick={false}
          preventScrolling={false}
          disableKeyboardA11y
          proOptions={{ hideAttribution: true }}
        />
      </div>
    </section>
  );
}

function NeedsArrow(edge: EdgeProps<NeedsEdge>): ReactNode {
  const { sourceX, sourceY, targetX, targetY, markerEnd, data } = edge;
  const ends = [{ x: sourceX, y: sourceY }, ...(data?.bends ?? []), { x: targetX, y: targetY }];
  return <BaseEdge path={pathThrough(ends)} {...(markerEnd ? { markerEnd } : {})} />;
}

function JobBox({ data: { job, chosen, onChoose } }: NodeProps<JobNode>): ReactNode {
  return (
    <>
      <Handle type="target" position={Position.Left} isConnectable={false} />
      <button
        type="button"
        aria-pressed={chosen}
        title={job.name}
        onClick={() => onChoose(job.key)}
        className={`nopan pointer-events-auto flex h-full w-full cursor-pointer flex-col items-start justify-center rounded border bg-raised px-3 text-start ${
          chosen ? 'border-2 border-accent' : 'border-line hover:border-muted'
        }`}
      >
        <span className={`w-full truncate ${chosen ? 'font-semibold' : ''}`}>{job.name}</span>
        <State state={job.conclusion ?? job.state} />
      </button>
      <Handle type="source" position={Position.Right} isConnectable={false} />
    </>
  );
}
