import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { VideoRef } from "./frames";
import type { Player } from "./packets";
import { speed } from "./play";
import { Watch } from "./watch";

let video: VideoRef;
let count = 0;
const closed: string[] = [];
const bitmap = (name: string): ImageBitmap =>
  ({ width: 1, height: 1, name, close: () => void closed.push(name) }) as unknown as ImageBitmap;
const nameOf = (watch: Watch): string | null => {
  const got = watch.shown.peek()?.got;
  return got?.kind === "picture" ? (got.picture as unknown as { name: string }).name : null;
};

beforeEach(() => {
  vi.useFakeTimers();
  closed.length = 0;
  video = { id: ++count, fingerprint: "f", frames: 100 };
  // a slow link: thumbnails come long before pictures
  vi.stubGlobal("fetch", async (address: string) => {
    await new Promise((done) => setTimeout(done, address.includes("thumbs") ? 60 : 900));
    return new Response(address.replace(/.*\/(\w+)\/(\d+)\.\w+.*/, "$1 $2"));
  });
  vi.stubGlobal("createImageBitmap", async (body: Blob) => bitmap(await body.text()));
});
afterEach(() => {
  speed.value = 0;
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

/** A viewer that plays from packets; `come` gives it a decoded picture. */
function playing(): { watch: Watch; come: (frame: number) => void } {
  vi.stubGlobal("VideoDecoder", class {});
  const watch = new Watch();
  let tell: (picture: ImageBitmap) => void = () => undefined;
  const film = { when: (_: number, one: typeof tell) => ((tell = one), () => undefined), close: () => undefined };
  Object.assign(watch, { player: { video, film: film as unknown as Player } });
  speed.value = 1;
  const follow = (watch as unknown as { follow(v: VideoRef, frame: number): void }).follow.bind(watch);
  const come = (frame: number): void => {
    Object.assign(watch, { want: { video, frame } });
    follow(video, frame);
    tell(bitmap(`coded ${frame}`));
  };
  return { watch, come };
}

test("a decoded picture is closed when the next is shown, and the last with its viewer", () => {
  const { watch, come } = playing();
  for (let frame = 0; frame < 40; frame++) come(frame);
  expect(closed).toEqual(Array.from({ length: 39 }, (_, k) => `coded ${k}`));
  watch.close();
  expect(closed).toHaveLength(40);
});

test("who pauses a film keeps the sharp picture until the server's has come", async () => {
  const { watch, come } = playing();
  come(5);
  const seen: (string | null)[] = [];
  watch.shown.subscribe(() => void seen.push(nameOf(watch)));
  speed.value = 0;
  await vi.advanceTimersByTimeAsync(3000);
  expect(seen).toEqual(["coded 5", "frames 5"]);
  expect(closed).toEqual(["coded 5"]);
  watch.close();
  expect(closed).toEqual(["coded 5"]); // the server's lie in the page's store
});

test("another frame has its thumbnail until it comes; that is closed then", async () => {
  const watch = new Watch();
  watch.look(video, 3);
  await vi.advanceTimersByTimeAsync(200);
  expect(nameOf(watch)).toBe("thumbs 3");
  await vi.advanceTimersByTimeAsync(3000);
  expect(nameOf(watch)).toBe("frames 3");
  expect(closed).toEqual(["thumbs 3"]);
  watch.close();
});
