import { expect, test } from "vitest";
import { fakeServer, settled } from "../fake";
import type { Job } from "../types.gen";
import { jobs } from "./jobs";
import * as store from "./reports";

const page = (report: string, place: string) => ({ report, place, made: 0 });

test("each screen finds the report of what it shows", async () => {
  const all = [
    page("r1", "runs/train-1/out/report.html"), page("r2", "runs/calibrate-1/out/calibration.report.html"),
    page("r3", "runs/map-1/out/report.html"), page("r4", "rigs/arena.report.html"),
  ];
  fakeServer(({ path }) => (path === "reports" ? { json: all } : { status: 404, json: {} }));
  await store.loadReports();
  expect(store.addressOf(store.ofJob("train-1"))).toBe("reports/r1/");
  expect(store.addressOf(store.ofJob("train-2"))).toBeNull();
  expect(store.addressOf(store.besideFile("runs/calibrate-1/out/calibration.toml"))).toBe("reports/r2/");
  expect(store.addressOf(store.besideFile("rigs/arena.toml"))).toBe("reports/r4/");
  expect(store.addressOf(store.ofFolder("runs/map-1/out"))).toBe("reports/r3/");
});

test("what is known stays while the server is away", async () => {
  store.reports.value = [page("r1", "report.html")];
  fakeServer(() => "offline");
  await store.loadReports();
  expect(store.reports.value).toHaveLength(1);
});

test("how far jobs are asks for nothing; one that is done does", async () => {
  const asked = fakeServer(() => ({ json: [] }));
  const tell = (state: string, done: number): void => void (jobs.value = [{ id: "a", state, done } as unknown as Job]);
  tell("running", 0);
  const stop = store.followReports();
  for (let n = 1; n < 5; n++) tell("running", n);
  expect(asked).toHaveLength(1);
  tell("done", 5);
  expect(asked).toHaveLength(2);
  stop();
  await settled();
});

test("an answer that comes after a newer one is dropped", async () => {
  const waiting: ((all: ReturnType<typeof page>[]) => void)[] = [];
  fakeServer(() => new Promise((resolve) => waiting.push((json) => resolve({ json }))));
  const both = [store.loadReports(), store.loadReports()];
  waiting[1]!([page("r2", "report.html")]);
  await both[1];
  waiting[0]!([]);
  await both[0];
  expect(store.reports.value.map((one) => one.report)).toEqual(["r2"]);
});
