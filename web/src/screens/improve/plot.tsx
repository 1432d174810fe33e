// The curves of a training, drawn by uPlot, which is fetched when there is the first to draw.
import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";
import type { Curve } from "../../types.gen";
import { columns, px, ticks } from "./curves";

const HEIGHT = 168;
const COLOURS = ["--muted", "--accent", "--amber"] as const; // of loss, median, p95

type Maker = typeof uPlot;

async function maker(): Promise<Maker> {
  const [{ default: make }] = await Promise.all([import("uplot"), import("uplot/dist/uPlot.min.css")]);
  return make;
}

function colour(of: Element, name: string): string {
  const probe = document.createElement("span"); // light-dark() is settled only in a used colour
  probe.style.color = `var(${name})`;
  of.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
}

function options(host: HTMLElement): uPlot.Options {
  const ink = colour(host, "--muted");
  const grid = { stroke: colour(host, "--line"), width: 1 };
  const axis = { stroke: ink, grid, ticks: { show: false }, font: "11px system-ui" };
  const line = (label: string, name: string, scale: string, dash?: number[]): uPlot.Series => ({
    label, scale, stroke: colour(host, name), width: 1.5, spanGaps: true, points: { size: 4 }, ...(dash ? { dash } : {}),
  }); // prettier-ignore
  return {
    width: Math.max(host.clientWidth, 120),
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    padding: [8, 8, 0, 0],
    scales: { x: { time: false }, px: { distr: 3 }, loss: { distr: 3 } },
    axes: [
      { ...axis, size: 24, space: 56 },
      {
        ...axis,
        scale: "px",
        size: 44,
        splits: (_, __, least, most) => ticks(least, most),
        filter: (_, all) => all,
        values: (_, all) => all.map((value) => `${px(value)}`),
      },
    ],
    series: [
      {},
      line("train", COLOURS[0], "loss", [2, 2]),
      line("held out, median", COLOURS[1], "px"),
      line("held out, p95", COLOURS[2], "px", [6, 3]),
    ],
  };
}

/** Loss in training, and held-out error in px, over steps; both on log axes. */
export function Plot({ curve, theme }: { curve: Curve; theme: string }) {
  const host = useRef<HTMLDivElement>(null);
  const drawn = useRef<uPlot | null>(null);
  const data = useRef(columns(curve));
  data.current = columns(curve);
  useEffect(() => {
    let gone = false;
    const element = host.current!;
    const fit = new ResizeObserver(() =>
      drawn.current?.setSize({ width: Math.max(element.clientWidth, 120), height: HEIGHT }),
    );
    void maker().then((make) => {
      if (gone) return;
      drawn.current = new make(options(element), data.current, element);
      fit.observe(element);
    });
    return () => {
      gone = true;
      fit.disconnect();
      drawn.current?.destroy();
      drawn.current = null;
    };
  }, [theme]);
  useEffect(() => drawn.current?.setData(data.current), [curve]);
  const last = curve.val_px.findLast((value) => value !== null);
  const about = `Curve of the training: ${curve.step.length} evaluations, held-out error ${px(last)} px.`;
  return (
    <figure class="improve-plot" data-test="curve" data-points={curve.step.length}>
      <div ref={host} role="img" aria-label={about} style={{ height: `${HEIGHT}px` }} />
      <figcaption class="row muted">
        <span class="key train">train, loss</span>
        <span class="key held">held out, median px</span>
        <span class="key tail">held out, p95 px</span>
      </figcaption>
    </figure>
  );
}
