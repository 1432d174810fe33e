// Curves of a training as uPlot takes them, and their newest numbers in words.
import type { Curve, Job } from "../../types.gen";

export type Columns = [number[], (number | null)[], (number | null)[], (number | null)[]];

/** Step, loss, median and p95 px; what a log axis cannot show (0, negative) is left out. */
export function columns(curve: Curve): Columns {
  const above = (values: readonly (number | null)[]) =>
    values.map((value) => (value !== null && value > 0 ? value : null));
  return [[...curve.step], above(curve.train), above(curve.val_px), above(curve.p95_px)];
}

/** Newest median and p95 error; null before the first evaluation. */
export function newest(curve: Curve | null): { p50: number; p95: number | null } | null {
  for (let i = (curve?.val_px.length ?? 0) - 1; i >= 0; i--) {
    const p50 = curve!.val_px[i];
    if (p50 != null) return { p50, p95: curve!.p95_px[i] ?? null };
  }
  return null;
}

/** Where the held-out error was smallest: these weights are kept. */
export function best(curve: Curve): { step: number; px: number } | null {
  let found: { step: number; px: number } | null = null;
  curve.val_px.forEach((px, i) => {
    if (px !== null && (found === null || px < found.px)) found = { step: curve.step[i] ?? 0, px };
  });
  return found;
}

/** Seconds as "2:10" or "1:02:10". */
export function clock(seconds: number): string {
  const whole = Math.max(Math.round(seconds), 0);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number): string => String(n).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** How long a job has been at work, s; null before it began. */
export function elapsed(job: Job, now: number): number | null {
  if (job.started === null) return null;
  const end = job.ended === null ? now : Date.parse(job.ended);
  return Math.max((end - Date.parse(job.started)) / 1000, 0);
}

/** Ticks of a log axis: 1, 2, 5 times a power of ten that lie in it. */
export function ticks(least: number, most: number): number[] {
  const found: number[] = [];
  for (let p = Math.floor(Math.log10(least)); p <= Math.ceil(Math.log10(most)); p++)
    for (const k of [1, 2, 5]) {
      const tick = Number((k * 10 ** p).toPrecision(1));
      if (tick >= least && tick <= most) found.push(tick);
    }
  return found;
}

/** A number of px: two figures below ten, whole above a hundred. */
export function px(value: number | null | undefined): string {
  if (value == null) return "–";
  return value >= 100 ? value.toFixed(0) : value >= 0.95 ? value.toFixed(1) : value.toFixed(2);
}
