// Lines over time on a canvas, with a mark where something was deployed.
import 'uplot/dist/uPlot.min.css';
import './chart.css';
import { type ReactNode, useEffect, useRef } from 'react';
import uPlot from 'uplot';
import { useLocale } from '../messages/Messages';
import { colourOf, dashOf, formatFor, resolved, timeFormatFor } from './look';
import type { Marker } from './markers';
import type { Read } from './read';

const HEIGHT = 280;
const AXIS_WIDTH = 64;
const TICK_SPACE = 90;

interface ChartProps {
  read: Read;
  markers: Marker[];
  label: string;
  /** The names of the lines that are not drawn. */
  hidden: ReadonlySet<string>;
  /** The point under the pointer; `null` when it is elsewhere. */
  onPoint: (index: number | null) => void;
}

export default function Chart({ read, markers, label, hidden, onPoint }: ChartProps): ReactNode {
  const locale = useLocale();
  const host = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const marks = useRef(markers);
  const data = useRef(read);
  const point = useRef(onPoint);
  const unseen = useRef(hidden);
  point.current = onPoint;
  data.current = read;
  unseen.current = hidden;
  const names = read.series.map(({ name }) => name).join('\n');
  const seconds = (read.times.at(-1) ?? 0) - (read.times[0] ?? 0);

  // Other lines or another length make another chart; new values only come into it.
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above
  useEffect(() => {
    const box = host.current;
    if (!box) return;
    const options = optionsFor(data.current, box.clientWidth, locale, seconds);
    options.hooks = {
      draw: [(chart) => drawMarkers(chart, marks.current)],
      setCursor: [(chart) => point.current(chart.cursor.idx ?? null)],
    };
    const chart = new uPlot(options, aligned(data.current), box);
    plot.current = chart;
    hide(chart, data.current, unseen.current);
    const stop = followSurroundings(box, chart);
    return () => {
      stop();
      plot.current = null;
      chart.destroy();
    };
  }, [names, seconds, locale]);

  useEffect(() => {
    marks.current = markers;
    plot.current?.setData(aligned(read));
  }, [read, markers]);

  useEffect(() => {
    if (plot.current) hide(plot.current, data.current, hidden);
  }, [hidden]);

  return (
    <div
      ref={host}
      role="img"
      aria-label={label}
      style={{ minHeight: HEIGHT }}
      className="mt-3 overflow-hidden"
    />
  );
}

/** The scale follows the lines that are drawn. */
function hide(chart: uPlot, { series }: Read, hidden: ReadonlySet<string>): void {
  chart.batch(() => {
    series.forEach(({ name }, index) => {
      const show = !hidden.has(name);
      if (chart.series[index + 1]?.show !== show) chart.setSeries(index + 1, { show });
    });
  });
}

function aligned({ times, series }: Read): uPlot.AlignedData {
  return [times, ...series.map(({ values }) => values)];
}

function optionsFor(read: Read, width: number, locale: string, seconds: number): uPlot.Options {
  const number = formatFor(locale);
  const time = timeFormatFor(locale, seconds);
  const axis = {
    stroke: () => resolved('var(--muted)'),
    grid: { stroke: () => resolved('var(--line)'), width: 1 },
    ticks: { stroke: () => resolved('var(--line)'), width: 1 },
    font: '12px system-ui, sans-serif',
  };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    scales: { x: { time: true } },
    axes: [
      { ...axis, space: TICK_SPACE, values: (_, splits) => splits.map(time) },
      { ...axis, size: AXIS_WIDTH, values: (_, splits) => splits.map(number) },
    ],
    series: [
      {},
      ...read.series.map(({ name }, index): uPlot.Series => {
        const dash = dashOf(index);
        return {
          label: name,
          stroke: () => resolved(colourOf(index)),
          width: 1.5,
          points: { show: false },
          ...(dash ? { dash } : {}),
        };
      }),
    ],
  };
}

/** A line with a flag at each deployment. */
function drawMarkers(chart: uPlot, markers: Marker[]): void {
  const { ctx, bbox } = chart;
  const unit = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = resolved('var(--accent)');
  ctx.fillStyle = ctx.strokeStyle;
  ctx.lineWidth = unit;
  ctx.setLineDash([4 * unit, 3 * unit]);
  for (const { time } of markers) {
    const x = Math.round(chart.valToPos(time, 'x', true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.beginPath();
    ctx.moveTo(x - 5 * unit, bbox.top);
    ctx.lineTo(x + 5 * unit, bbox.top);
    ctx.lineTo(x, bbox.top + 8 * unit);
    ctx.fill();
  }
  ctx.restore();
}

/** The chart is as wide as its place and has the colours of the theme. */
function followSurroundings(box: HTMLElement, chart: uPlot): () => void {
  const resize = new ResizeObserver(() => {
    if (box.clientWidth !== chart.width) chart.setSize({ width: box.clientWidth, height: HEIGHT });
  });
  resize.observe(box);
  const redraw = (): void => chart.redraw(false, true);
  const theme = new MutationObserver(redraw);
  theme.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  const system = matchMedia('(prefers-color-scheme: dark)');
  system.addEventListener('change', redraw);
  return () => {
    resize.disconnect();
    theme.disconnect();
    system.removeEventListener('change', redraw);
  };
}
