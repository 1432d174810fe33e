import { expect, test } from "vitest";
import { fakeServer } from "../fake";
import * as store from "./reports";

const page = (report: string, place: string) => ({ report, place, made: 0 });

test("each screen finds the report of what it shows", async () => {
  const all = [
    page("r1", "runs/train-1/out/report.html"), page("r2", "runs/calibrate-1/out/calibration.report.html"),
    page("r3", "runs/map-1/out/report.html"), page("r4", "rigs/arena.report.html"),
  ];
  fakeServer(({ path }) => (path === "reports" ? { json: all } : { status: 404, json: {} }));
  await store.loadReports();
  expect(store.addressOf(store.ofJob("train-1"))).toBe("reports/r1");
  expect(store.addressOf(store.ofJob("train-2"))).toBeNull();
  expect(store.addressOf(store.besideFile("runs/calibrate-1/out/calibration.toml"))).toBe("reports/r2");
  expect(store.addressOf(store.besideFile("rigs/arena.toml"))).toBe("reports/r4");
  expect(store.addressOf(store.ofFolder("runs/map-1/out"))).toBe("reports/r3");
});

test("what is known stays while the server is away", async () => {
  store.reports.value = [page("r1", "report.html")];
  fakeServer(() => "offline");
  await store.loadReports();
  expect(store.reports.value).toHaveLength(1);
});
