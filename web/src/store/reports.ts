// Pages that stages wrote below the project: which there are, and whose.
import { computed, effect, signal } from "@preact/signals";
import { get } from "../api";
import { jobs } from "./jobs";
import { connection } from "./session";
import type { ReportPage } from "../types.gen";

export const reports = signal<readonly ReportPage[]>([]);

const done = computed(() => jobs.value.filter(({ state }) => state === "done").length);
let asked = 0;

/** Read anew which there are; what is known stays where the server does not answer. */
export async function loadReports(): Promise<void> {
  const mine = ++asked;
  const found = await get<ReportPage[]>("reports").catch(() => null);
  if (found !== null && mine === asked) reports.value = found;
}

/** Keep them known while a screen shows links to them; returns how to stop. */
export function followReports(): () => void {
  return effect(() => {
    void [connection.value, done.value]; // not how far jobs are: to look goes through the project
    void loadReports();
  });
}

/** Address of the page at a place below the project; null: there is none. */
export function addressOf(place: string, all: readonly ReportPage[] = reports.value): string | null {
  const found = all.find((one) => one.place === place);
  return found === undefined ? null : `reports/${found.report}/`;
}

/** Where the report of a training lies. */
export const ofJob = (job: string): string => `runs/${job}/out/report.html`;

/** Where the report of a run of behaviour lies. */
export const ofFolder = (folder: string): string => `${folder}/report.html`;

/** Where the report of a calibration or of 3D poses lies: beside the file. */
export const besideFile = (path: string): string => path.replace(/\.[^./]*$/, "") + ".report.html";
