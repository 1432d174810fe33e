// Pages that stages wrote below the project: which there are, and whose.
import { effect, signal } from "@preact/signals";
import { get } from "../api";
import { jobs } from "./jobs";
import { connection } from "./session";
import type { ReportPage } from "../types.gen";

export const reports = signal<readonly ReportPage[]>([]);

/** Read anew which there are; what is known stays where the server does not answer. */
export async function loadReports(): Promise<void> {
  reports.value = await get<ReportPage[]>("reports").catch(() => reports.peek());
}

/** Keep them known while a screen shows links to them; returns how to stop. */
export function followReports(): () => void {
  return effect(() => {
    void [connection.value, jobs.value.filter(({ state }) => state === "done").length];
    void loadReports();
  });
}

/** Address of the page at a place below the project; null: there is none. */
export function addressOf(place: string, all: readonly ReportPage[] = reports.value): string | null {
  const found = all.find((one) => one.place === place);
  return found === undefined ? null : `reports/${found.report}`;
}

/** Where the report of a training lies. */
export const ofJob = (job: string): string => `runs/${job}/out/report.html`;

/** Where the report of a run of behaviour lies, whose title is its folder. */
export const ofFolder = (folder: string): string => `${folder}/report.html`;

/** Where the report of a calibration or of 3D poses lies: beside the file. */
export const besideFile = (path: string): string => path.replace(/\.[^./]*$/, "") + ".report.html";
