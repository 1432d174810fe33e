import { beforeEach, expect, test } from "vitest";
import type { Video } from "../types.gen";
import { videos } from "./session";
import * as view from "./view";

const film = (id: number, frames: number): Video => ({
  id,
  name: `${id}.mp4`,
  path: "",
  fingerprint: "",
  width: 4,
  height: 4,
  frames,
  fps: 30,
  found: true,
  trouble: null,
  marks: { labelled: 0, done: 0, flagged: 0 },
});

beforeEach(() => {
  videos.value = [film(1, 100), film(2, 10)];
  view.video.value = null;
  view.frame.value = 0;
});

test("steps end at the ends of the video", () => {
  view.goTo(50, 1);
  view.step(100);
  expect(view.frame.value).toBe(99);
  view.step(-1000);
  expect(view.frame.value).toBe(0);
});

test("another video has its own ends; one that is not there changes nothing", () => {
  view.goTo(50, 1);
  view.goTo(50, 2);
  expect([view.video.value, view.frame.value]).toEqual([2, 9]);
  view.goTo(3, 77);
  expect([view.video.value, view.frame.value]).toEqual([2, 9]);
});

test("what is remembered is one signal under one name", () => {
  const size = view.remember("size", 200);
  size.value = 300;
  expect(view.remember("size", 200).value).toBe(300);
  expect(view.panel("frames", 220).size).toBe(view.panel("frames", 1).size);
});

test("the first video opens by itself, also when the open one is removed", () => {
  view.keepPlace();
  expect([view.video.value, view.frame.value]).toEqual([1, 0]);
  view.goTo(5, 2);
  videos.value = [film(1, 100)];
  expect(view.video.value).toBe(1);
});

test("a narrow page begins with its panels folded, and remembers that apart", () => {
  expect(view.panel("animals", 220).folded.value).toBe(false);
  view.narrow.value = true;
  expect(view.panel("animals", 220).folded.value).toBe(true);
  view.panel("animals", 220).folded.value = false;
  expect(view.panel("animals", 220).folded.value).toBe(false);
  view.narrow.value = false;
});
