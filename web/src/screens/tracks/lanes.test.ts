import { describe, expect, it } from "vitest";
import { asked, frameAt, pairOf, panned, within, withFrame, xOf, zoomed } from "./lanes";

const ALL = { from: 0, to: 1000 };

describe("sight", () => {
  it("keeps the frame below the pointer when zooming", () => {
    for (const x of [0, 333, 999]) {
      const before = ALL.from + (x / 1000) * 1000;
      const near = zoomed(ALL, x, 1000, 4, 1000);
      expect(near.to - near.from).toBeCloseTo(250);
      expect(near.from + (x / 1000) * 250).toBeCloseTo(before);
    }
  });
  it("stays inside the recording and is never smaller than a few frames", () => {
    expect(within({ from: -50, to: 50 }, 1000)).toEqual({ from: 0, to: 100 });
    expect(within({ from: 980, to: 1080 }, 1000)).toEqual({ from: 900, to: 1000 });
    expect(zoomed(ALL, 500, 1000, 1e6, 1000).to).toBeCloseTo(510);
    expect(zoomed(ALL, 500, 1000, 0.1, 1000)).toEqual(ALL);
    expect(within({ from: 0, to: 3 }, 5)).toEqual({ from: 0, to: 5 });
  });
  it("pans by pixels and back", () => {
    const near = { from: 400, to: 500 };
    expect(panned(near, 100, 1000, 1000)).toEqual({ from: 390, to: 490 });
    expect(panned(panned(near, 100, 1000, 1000), -100, 1000, 1000)).toEqual(near);
  });
  it("turns frames to pixels and back", () => {
    const near = { from: 100, to: 200 };
    for (const frame of [100, 150, 199])
      expect(frameAt(xOf(frame, near, 777) + 1, near, 777, 1000)).toBe(frame);
    expect(frameAt(-50, near, 777, 1000)).toBe(93);
    expect(frameAt(1e9, near, 777, 1000)).toBe(999);
  });
  it("follows a frame that leaves it", () => {
    const near = { from: 100, to: 200 };
    expect(withFrame(near, 150, 1000)).toBe(near);
    expect(withFrame(near, 500, 1000)).toEqual({ from: 450, to: 550 });
  });
  it("asks for more than is in sight, in whole frames", () => {
    expect(asked({ from: 100, to: 200 }, 800, 1000)).toEqual({ from: 0, to: 300, px: 2408 });
    expect(asked(ALL, 800, 1000)).toEqual({ from: 0, to: 999, px: 800 });
  });
});

describe("pairOf", () => {
  it("needs two different animals", () => {
    expect(pairOf(["a"])).toBeNull();
    expect(pairOf(["a", "a"])).toBeNull();
    expect(pairOf(["a", "a", "b"])).toEqual(["a", "b"]);
  });
});
