import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fakeServer } from "../fake";
import { kindOf, markOf, PART, upload } from "./uploads";

const soon = setTimeout; // the real one

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout"] }));
afterEach(() => void vi.useRealTimers());

/** Let time pass until a promise is settled; hashing takes its own time on another thread. */
async function passed<T>(promise: Promise<T>): Promise<T> {
  let over = false;
  void promise.finally(() => (over = true)).catch(() => undefined);
  while (!over) {
    await new Promise((resolve) => soon(resolve, 1));
    await vi.advanceTimersByTimeAsync(1000);
  }
  return promise;
}

function server(had = 0) {
  const parts: Blob[] = [];
  const state = { received: had, cut: 0, deleted: 0, asked: [] as string[] };
  fakeServer(({ method, path, body }) => {
    state.asked.push(`${method} ${path}`);
    if (method === "PUT") {
      if (state.cut-- > 0) return "offline";
      if (state.deleted > 0 && state.received > 0) {
        const status = state.deleted;
        state.deleted = state.received = parts.length = 0;
        return { status, json: { code: "gone", message: "what came was deleted", hint: "" } };
      }
      expect(path).toBe(`uploads/u1?at=${state.received}`);
      parts.push(body as Blob);
      state.received += (body as Blob).size;
    }
    const bytes = method === "POST" ? (body as { bytes: number }).bytes : 0;
    return { json: { id: "u1", bytes, received: state.received } };
  });
  return { state, parts };
}

const film = (size: number): File => new File([new Uint8Array(size)], "mouse.mp4");

test("a film goes in parts that the server takes, in order, nothing twice", async () => {
  const { state, parts } = server();
  const shares: number[] = [];
  expect(await upload(film(2 * PART + 5), (share) => shares.push(share))).toBe("u1");
  expect(parts.map((part) => part.size)).toEqual([PART, PART, 5]);
  expect(state.received).toBe(2 * PART + 5);
  expect(shares.at(-1)).toBe(1);
  expect(shares).toEqual(shares.toSorted());
});

test("what the server has already is not sent again", async () => {
  const { parts } = server(PART);
  await upload(film(PART + 7));
  expect(parts.map((part) => part.size)).toEqual([7]);
});

test("a cut line is taken up again; a line that stays cut is an error", async () => {
  const { state, parts } = server();
  state.cut = 3;
  expect(await passed(upload(film(10)))).toBe("u1");
  expect(parts).toHaveLength(1);
  state.received = 0;
  state.cut = 1000;
  await expect(passed(upload(film(10)))).rejects.toThrow("does not answer");
});

test.each([404, 409])("what was deleted on the server is sent from its beginning (%i)", async (status) => {
  const { state, parts } = server();
  state.deleted = status;
  expect(await passed(upload(film(PART + 9)))).toBe("u1");
  expect(parts.map((part) => part.size)).toEqual([PART, 9]);
  expect(state.asked.filter((one) => one.startsWith("POST"))).toHaveLength(2);
});

test("the mark is the same for the same file and another for another", async () => {
  const one = new File(["abc"], "a.mp4", { lastModified: 5 });
  expect(await markOf(one)).toBe(await markOf(new File(["abc"], "a.mp4", { lastModified: 5 })));
  expect(await markOf(one)).not.toBe(await markOf(new File(["abd"], "a.mp4", { lastModified: 5 })));
});

test("files are known by their names", () => {
  expect(["a.MP4", "b.slp", "CollectedData.h5", "coco.json", "x.pdf"].map(kindOf)).toEqual([
    "video",
    "labels",
    "labels",
    "labels",
    "other",
  ]);
});
