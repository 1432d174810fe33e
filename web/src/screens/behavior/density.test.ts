import { describe, expect, it } from "vitest";
import { placeOf, render, thinned, toMap, toPixel, unpack, whole, zoomed, NONE, type Points } from "./density";
import { colourOf, parse } from "./paint";

function points(pairs: [number, number, number][], stride = 1): Points {
  return {
    xy: Float32Array.from(pairs.flatMap(([x, y]) => [x, y])),
    label: Uint16Array.from(pairs.map(([, , label]) => label)),
    stride,
  };
}

describe("the map", () => {
  it("reads what the server packs", () => {
    const buffer = new ArrayBuffer(8 + 16 + 4);
    const data = new DataView(buffer);
    [2, 3].forEach((value, i) => data.setUint32(4 * i, value, true));
    [1.5, -2, NaN, NaN].forEach((value, i) => data.setFloat32(8 + 4 * i, value, true));
    [7, NONE].forEach((value, i) => data.setUint16(24 + 2 * i, value, true));
    const read = unpack(buffer);
    expect([...read.xy.slice(0, 2)]).toEqual([1.5, -2]);
    expect([...read.label]).toEqual([7, NONE]);
    expect(placeOf(read, 0, 0)).toEqual({ x: 1.5, y: -2 });
    expect(placeOf(read, 0, 3)).toBeNull(); // stride 3: the second point, which is nowhere
    expect(placeOf(read, 30, 3)).toBeNull();
  });

  it("shows all points, and goes from pixels to places and back", () => {
    const look = whole(points([[-3, 0, 1], [5, 2, 1], [NaN, NaN, 1]]), 200, 100);
    for (const at of [{ x: -3, y: 0 }, { x: 5, y: 2 }]) {
      const pixel = toPixel(look, at, 200, 100);
      expect(pixel.x > 0 && pixel.x < 200 && pixel.y > 0 && pixel.y < 100).toBe(true);
      const back = toMap(look, pixel, 200, 100);
      expect(back.x).toBeCloseTo(at.x);
      expect(back.y).toBeCloseTo(at.y);
    }
    const there = { x: 30, y: 70 };
    const near = zoomed(look, there, 3, 200, 100);
    expect(toMap(near, there, 200, 100).x).toBeCloseTo(toMap(look, there, 200, 100).x);
    expect(toMap(near, there, 200, 100).y).toBeCloseTo(toMap(look, there, 200, 100).y);
  });

  it("is brighter where more points lie, and has their colour", () => {
    const many = Array.from({ length: 50 }, () => [0, 0, 1] as [number, number, number]);
    const image = render(points([...many, [20, 0, 2]]), { x: 0, y: 0, scale: 1 }, 100, 40,
      (label) => (label === 1 ? [255, 0, 0] : [0, 0, 255]));
    const at = (x: number, y: number) => [...image.slice(4 * (y * 100 + x), 4 * (y * 100 + x) + 4)];
    expect(at(50, 20)).toEqual([255, 0, 0, 255]);
    const [red, , blue, alpha] = at(70, 20);
    expect([red, blue]).toEqual([0, 255]);
    expect(alpha!).toBeLessThan(255);
    expect(at(10, 10)).toEqual([0, 0, 0, 0]);
  });

  it("thins outlines to what an address holds", () => {
    const outline = Array.from({ length: 1000 }, (_, i) => ({ x: i, y: 0 }));
    expect(thinned(outline, 100)).toHaveLength(100);
    expect(thinned(outline.slice(0, 5), 100)).toHaveLength(5);
  });
});

describe("colours", () => {
  it("are hexadecimal, read back, and differ", () => {
    const all = Array.from({ length: 40 }, (_, i) => colourOf(i));
    expect(new Set(all).size).toBe(40);
    for (const one of all) expect(one).toMatch(/^#[0-9a-f]{6}$/);
    expect(parse("#0a10ff")).toEqual([10, 16, 255]);
    expect(parse("")).toEqual([128, 128, 128]);
  });
});
