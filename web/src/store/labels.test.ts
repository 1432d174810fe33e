import { describe, expect, test } from "vitest";
import type { Change, FrameValue, InstanceValue, PredictedAnimal } from "../types.gen";
import { copyText, pasteText } from "./clipboard";
import {
  acceptAll,
  adopt,
  badFrame,
  flagFrame,
  freeAnimal,
  ghost,
  interpolate,
  nearby,
  nextPlace,
  nextUnset,
  noAnimal,
  nudgeStep,
  put,
  removeAnimal,
  rename,
  reopen,
  setState,
  sweepNext,
  unlabelled,
  unset,
  setAnimal,
} from "./labels";
import { moved, pointOf, type Pose } from "./pose";
import type { FrameRows } from "./rows";

const two = [
  { id: 1, name: "mouse 1" },
  { id: 2, name: "mouse 2" },
];

function frame(
  instances: [number, InstanceValue][] = [],
  row: FrameValue | null = null,
  animals: PredictedAnimal[] = [],
  at = 5,
): FrameRows {
  const prediction = animals.length === 0 ? null : { run: "predict-1", animals };
  return { video: 1, frame: at, loaded: true, instances: new Map(instances), row, prediction };
}

/** What stands in the frame after the server has taken the changes. */
function after(rows: FrameRows, changes: readonly Change[]): FrameRows {
  const instances = new Map(rows.instances);
  let row = rows.row;
  for (const change of changes) {
    if (change.key[1] !== rows.frame) continue;
    if (change.table === "frames") {
      expect(change.saw).toEqual(row);
      row = change.value as FrameValue | null;
      continue;
    }
    const key = change.key[2]!;
    expect(change.saw).toEqual(instances.get(key) ?? null);
    if (change.value === null) instances.delete(key);
    else instances.set(key, change.value as InstanceValue);
  }
  return { ...rows, instances, row };
}

function seen(x: number, animal: number | null = null): PredictedAnimal {
  const points: [number, number, number][] = [0, 1, 2].map((k) => [x + 20 * k, 50 + 10 * k, 0.9]);
  return { animal, name: "", score: 0.9, points, covariance: null };
}

const label = (x: number): InstanceValue => ({
  origin: 0,
  points: [0, 1, 2].map((k) => [k, x + 20 * k, 50 + 10 * k, 2]),
});

describe("placing", () => {
  test("thirteen clicks place thirteen keypoints, then the next animal's first", () => {
    let rows = frame();
    let chosen: { animal: number | null; keypoint: number | null } = { animal: null, keypoint: null };
    for (let k = 0; k < 13; k++) {
      const next = nextPlace(rows, two, 13, chosen)!;
      expect(next).toEqual({ animal: 1, keypoint: k });
      rows = after(rows, put(rows, next, { x: k, y: 2 * k }, 2, "nose").changes);
      chosen = next;
    }
    expect(rows.instances.get(1)!.points).toHaveLength(13);
    expect(nextPlace(rows, two, 13, chosen)).toEqual({ animal: 2, keypoint: 0 });
  });

  test("after the last animal nothing is left to place", () => {
    const rows = frame([[1, label(0)], [2, label(90)]]);
    expect(nextPlace(rows, two, 3, { animal: 2, keypoint: 2 })).toBeNull();
    const nobody = { animal: null, keypoint: null };
    expect(nextPlace(frame(), [], 3, nobody)).toEqual({ animal: -1, keypoint: 0 });
    expect(nextPlace(frame([[-1, label(0)]]), [], 3, nobody)).toBeNull();
  });

  test("a chosen keypoint comes first, and unset ones around it later", () => {
    const rows = frame([[1, { origin: 0, points: [[1, 5, 5, 2]] }]]);
    expect(nextPlace(rows, two, 3, { animal: 1, keypoint: 2 })).toEqual({ animal: 1, keypoint: 2 });
    expect(nextPlace(rows, two, 3, { animal: 1, keypoint: 1 })).toEqual({ animal: 1, keypoint: 2 });
    expect(nextUnset(rows.instances.get(1), 3, 3)).toBe(0);
    expect(nextUnset(label(0), 3)).toBeNull();
  });

  test("a selected absent keypoint is what the next click places", () => {
    const value: InstanceValue = { origin: 0, points: [[0, 1, 1, 2], [1, null, null, 0]] };
    const rows = frame([[1, value]]);
    expect(nextPlace(rows, two, 3, { animal: 1, keypoint: 1 })).toEqual({ animal: 1, keypoint: 1 });
    expect(nextPlace(rows, two, 3, { animal: 1, keypoint: 0 })).toEqual({ animal: 1, keypoint: 2 });
  });

  test("opens a done frame again where an animal begins, not where one is moved", () => {
    const done = frame([[1, label(0)]], { complete: 1, flag: 1, note: "" });
    expect(after(done, setAnimal(done, 2, label(9))).row).toEqual({ complete: 2, flag: 1, note: "" });
    expect(after(done, setAnimal(done, 1, label(9))).row).toEqual(done.row);
  });
  test("the first edit makes a draft, and a done frame stays done", () => {
    const first = put(frame(), { animal: 1, keypoint: 0 }, { x: 1, y: 2 }, 2, "nose");
    expect(first.action).toBe("place nose");
    expect(after(frame(), first.changes).row?.complete).toBe(2);
    for (const complete of [null, 0])
      expect(
        after(
          frame([], { complete, flag: 1, note: "dark" }),
          put(frame([], { complete, flag: 1, note: "dark" }), { animal: 1, keypoint: 0 }, { x: 1, y: 2 }, 2, "nose").changes,
        ).row,
      ).toEqual({ complete: 2, flag: 1, note: "dark" });
    const done = frame([[1, label(0)]], { complete: 1, flag: 0, note: "" });
    const again = put(done, { animal: 1, keypoint: 0 }, { x: 9, y: 9 }, 2, "nose");
    expect(again.action).toBe("move nose");
    expect(again.changes).toHaveLength(1);
  });

  test("a sweep goes through the queue, then to the next keypoint, then ends", () => {
    const queue = [{ video: 1, frame: 5 }, { video: 1, frame: 9 }];
    expect(sweepNext(queue, queue[0]!, 3, 13)).toEqual({ place: queue[1], keypoint: 3 });
    expect(sweepNext(queue, queue[1]!, 3, 13)).toEqual({ place: queue[0], keypoint: 4 });
    expect(sweepNext(queue, queue[1]!, 12, 13)).toBeNull();
    expect(sweepNext(queue, { video: 2, frame: 0 }, 3, 13)?.place).toEqual(queue[0]);
    expect(sweepNext([], queue[0]!, 3, 13)).toBeNull();
    const placed = (at: { frame: number }, k: number) => at.frame === 9 || k === 4;
    expect(sweepNext(queue, queue[0]!, 3, 13, placed)).toEqual({ place: queue[0], keypoint: 5 });
    expect(sweepNext(queue, queue[0]!, 3, 13, () => true)).toBeNull();
  });

  test("a new animal is a free individual, else one without a name", () => {
    expect(freeAnimal(frame([[1, label(0)]]), two)).toBe(2);
    expect(freeAnimal(frame([[1, label(0)], [2, label(9)]]), two)).toBe(-1);
    expect(freeAnimal(frame([[1, label(0)], [2, label(9)], [-3, label(9)]]), two)).toBe(-4);
  });
});

describe("states", () => {
  const at = { animal: 1, keypoint: 1 };

  test("V, C and X keep or take away the position; Del unsets", () => {
    let rows = frame([[1, label(0)]], { complete: 2, flag: 0, note: "" });
    rows = after(rows, setState(rows, at, 1, null, "ear")!.changes);
    expect(pointOf(rows.instances.get(1), 1)).toEqual({ x: 20, y: 60, state: 1 });
    rows = after(rows, setState(rows, at, 0, null, "ear")!.changes);
    expect(pointOf(rows.instances.get(1), 1)).toEqual({ x: null, y: null, state: 0 });
    expect(setState(rows, at, 0, null, "ear")).toBeNull();
    expect(setState(rows, at, 2, null, "ear")).toBeNull();
    rows = after(rows, setState(rows, at, 2, { x: 7, y: 8 }, "ear")!.changes);
    expect(pointOf(rows.instances.get(1), 1)).toEqual({ x: 7, y: 8, state: 2 });
    rows = after(rows, unset(rows, at, "ear")!.changes);
    expect(pointOf(rows.instances.get(1), 1)).toBeNull();
    expect(unset(rows, at, "ear")).toBeNull();
  });

  test("an unset keypoint is labelled at its ghost, without a mouse", () => {
    const step = setState(frame(), at, 2, { x: 3, y: 4 }, "ear")!;
    expect(after(frame(), step.changes).instances.get(1)!.points).toEqual([[1, 3, 4, 2]]);
  });

  test("the last point unset takes the animal and the draft away", () => {
    const rows = frame([[1, { origin: 0, points: [[1, 1, 1, 2]] }]], { complete: 2, flag: 0, note: "" });
    const left = after(rows, unset(rows, at, "ear")!.changes);
    expect(left.instances.size).toBe(0);
    expect(left.row).toBeNull();
    const flagged = { ...rows, row: { complete: 2, flag: 1, note: "?" } };
    expect(after(flagged, removeAnimal(flagged, 1, "mouse")!.changes).row).toEqual({ complete: null, flag: 1, note: "?" });
  });

  test("nudges are a pixel, a quarter close up, five of them with Shift", () => {
    expect([nudgeStep(1, false), nudgeStep(3.9, true), nudgeStep(4, false), nudgeStep(8, true)]).toEqual([1, 5, 0.25, 1.25]);
  });
});

describe("predictions", () => {
  test("Enter makes a label of each of five animals, and the frame is done", () => {
    const rows = frame([], null, [0, 100, 200, 300, 400].map((x) => seen(x)));
    const done = after(rows, acceptAll(rows, two)!.changes);
    expect([...done.instances.keys()].sort()).toEqual([-1, -2, -3, -4, -5]);
    expect([...done.instances.values()].every((value) => value.origin === 2)).toBe(true);
    expect(done.row).toEqual({ complete: 1, flag: 0, note: "" });
  });

  test("what is labelled already is not adopted a second time", () => {
    const rows = frame([[-1, moved(label(0), 2, 1)], [2, label(300)]], null, [seen(0), seen(100), seen(200, 2)]);
    expect(unlabelled(rows)).toEqual([1]);
    const done = after(rows, acceptAll(rows, two)!.changes);
    expect(done.instances.size).toBe(3);
    expect(done.instances.get(2)).toEqual(label(300));
  });

  test("two labels near two predictions take one each", () => {
    const rows = frame([[-1, label(0)], [-2, label(6)]], null, [seen(1), seen(7)]);
    expect(unlabelled(rows)).toEqual([]);
    expect(unlabelled(frame([[-1, label(4)]], null, [seen(1), seen(5)]))).toEqual([0]);
  });

  test("a lone individual is taken, a known name is kept", () => {
    const rows = frame([], null, [seen(0)]);
    expect(adopt(rows, 0, [two[0]!])!.animal).toBe(1);
    expect(adopt(rows, 0, two)!.animal).toBe(-1);
    expect(adopt(frame([], null, [seen(0, 2)]), 0, two)!.animal).toBe(2);
    expect(adopt(rows, 7, two)).toBeNull();
  });

  test("a drag adopts and mends in one edit", () => {
    const rows = frame([], null, [seen(0)]);
    const step = adopt(rows, 0, two, { keypoint: 1, at: { x: 33, y: 44 } })!;
    const value = after(rows, step.changes).instances.get(-1)!;
    expect(value.origin).toBe(2);
    expect(value.points).toEqual([[0, 0, 50, 2], [1, 33, 44, 2], [2, 40, 70, 2]]);
  });

  test("Enter on an empty frame does nothing; a true negative is said aloud", () => {
    expect(acceptAll(frame(), two)).toBeNull();
    const rows = frame([[1, label(0)]], { complete: 2, flag: 0, note: "" });
    const none = after(rows, noAnimal(rows).changes);
    expect(none.instances.size).toBe(0);
    expect(none.row?.complete).toBe(1);
  });

  test("Enter on a done frame adopts nothing that was left out before", () => {
    const rows = frame([[1, label(0)]], { complete: 1, flag: 0, note: "" }, [seen(0), seen(300)]);
    expect(acceptAll(rows, two)!.changes).toEqual([]);
  });

  test("a done frame is opened again", () => {
    const rows = frame([[1, label(0)]], { complete: 1, flag: 0, note: "" });
    expect(after(rows, reopen(rows)!.changes).row?.complete).toBe(2);
    expect(reopen(frame())).toBeNull();
    const negative = frame([], { complete: 1, flag: 0, note: "" });
    expect(after(negative, reopen(negative)!.changes).row).toBeNull();
  });
});

describe("whole animals and frames", () => {
  test("an identity is changed, or two are exchanged", () => {
    const rows = frame([[1, label(0)], [-1, label(90)]], { complete: 2, flag: 0, note: "" });
    const named = after(rows, rename(rows, -1, 2)!.changes);
    expect([...named.instances.keys()].sort()).toEqual([1, 2]);
    const swapped = after(rows, rename(rows, -1, 1)!.changes);
    expect(swapped.instances.get(1)).toEqual(label(90));
    expect(swapped.instances.get(-1)).toEqual(label(0));
    expect(rename(rows, 5, 1)).toBeNull();
  });

  test("a flag with its note comes and goes, and leaves no empty row", () => {
    const rows = frame();
    const flagged = after(rows, flagFrame(rows, true, "which ear?").changes);
    expect(flagged.row).toEqual({ complete: null, flag: 1, note: "which ear?" });
    expect(after(flagged, flagFrame(flagged, false, "").changes).row).toBeNull();
  });

  test("copy and paste go by names of keypoints", () => {
    const value: InstanceValue = { origin: 2, points: [[0, 1.5, 2, 2], [1, null, null, 0], [2, 3, 4, 1]] };
    const text = copyText(value, ["nose", "tail", "ear"]);
    expect(pasteText(text, ["nose", "tail", "ear"])).toEqual({ ...value, origin: 0 });
    expect(pasteText(text, ["ear", "nose"])).toEqual({ origin: 0, points: [[0, 3, 4, 1], [1, 1.5, 2, 2]] });
    expect(pasteText(text, ["paw"])).toMatch(/shares names/);
    for (const bad of ["", "hello", "[]", "null", '{"kind":"gambol animal"}'])
      expect(pasteText(bad, ["nose"])).toMatch(/holds no animal/);
    const broken = '{"kind":"gambol animal","points":[{"name":"nose","x":"1","y":2,"state":2}]}';
    expect(pasteText(broken, ["nose"])).toMatch(/nose has no position/);
  });

  test("a range is filled between labels; they and done frames stay, nothing is done", () => {
    const done = frame([], { complete: 1, flag: 0, note: "" }, [], 12);
    const range = [
      frame([[1, label(0)]], null, [], 10),
      frame([], null, [], 11),
      done,
      frame([[1, label(40)]], null, [], 14),
      frame([], null, [], 13),
      frame([], null, [], 15),
    ];
    const step = interpolate(range, 1)!;
    expect(new Set(step.changes.map((change) => change.key[1]))).toEqual(new Set([11, 13]));
    const eleven = after(range[1]!, step.changes);
    expect(eleven.instances.get(1)!.points[0]).toEqual([0, 10, 50, 2]);
    expect(eleven.instances.get(1)!.origin).toBe(1);
    expect(eleven.row).toEqual({ complete: 2, flag: 0, note: "interpolated" });
    const accepted = after(eleven, acceptAll(eleven, two)!.changes);
    expect(accepted.row).toEqual({ complete: 1, flag: 0, note: "" });
    expect(accepted.instances.get(1)!.origin).toBe(2);
    expect(interpolate(range, 2)).toBeNull();
  });

  test("the nearest labelled frames are those that sorting by distance gives, without oneself", () => {
    const labelled = [0, 3, 4, 9, 10, 11, 30];
    for (let frame = -2; frame < 33; frame++) {
      const slow = labelled
        .filter((one) => one !== frame)
        .sort((a, b) => Math.abs(a - frame) - Math.abs(b - frame) || a - b);
      for (const most of [1, 3, 99]) expect(nearby(labelled, frame, most)).toEqual(slow.slice(0, most));
    }
    expect(nearby([], 5, 3)).toEqual([]);
  });
});

describe("ghosts", () => {
  const pose: Pose = [{ x: 0, y: 0 }, { x: 10, y: 0 }, { x: 0, y: 10 }];
  const none = { prediction: null, previous: null, mean: null, middle: { x: 50, y: 60 } };
  const nothing: Pose = [null, null, null];

  test("a prediction comes first, then the frame before, then the mean, then the middle", () => {
    const prediction = [null, { x: 1, y: 1 }, null];
    const previous = [{ x: 5, y: 5 }, { x: 6, y: 6 }, null];
    const from = { ...none, prediction, previous, mean: pose };
    expect(ghost(nothing, 1, from)).toEqual({ x: 1, y: 1 });
    expect(ghost(nothing, 0, from)).toEqual({ x: 5, y: 5 });
    const third = ghost(nothing, 2, from);
    expect([third.x, third.y]).toEqual([50 - 10 / 3, 60 + 10 - 10 / 3]);
    expect(ghost(nothing, 2, none)).toEqual({ x: 50, y: 60 });
  });

  test("the mean pose is laid onto the points that are placed", () => {
    // turned a quarter, twice as large, moved to (100, 100)
    const placed: Pose = [{ x: 100, y: 100 }, { x: 100, y: 120 }, null];
    const at = ghost(placed, 2, { ...none, mean: pose });
    expect(at.x).toBeCloseTo(80);
    expect(at.y).toBeCloseTo(100);
  });
});

test("a bad frame keeps what is said of it, and leaves no empty row when it is good after all", () => {
  const rows = frame([[1, label(0)]], { complete: 2, flag: 1, note: "dark" });
  const marked = after(rows, badFrame(rows, true).changes);
  expect(marked.row).toEqual({ complete: 2, flag: 2, note: "dark" });
  expect(after(marked, badFrame(marked, false).changes).row).toEqual({ complete: 2, flag: 0, note: "dark" });
  const plain = frame([], null);
  const bad = after(plain, badFrame(plain, true).changes);
  expect(bad.row).toEqual({ complete: null, flag: 2, note: "" });
  expect(after(bad, badFrame(bad, false).changes).row).toBeNull();
});
