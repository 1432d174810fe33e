// Where the person is: screen, video, frame, animal, keypoint, sizes of panels. Kept by project.
import { computed, effect, signal, type Signal } from "@preact/signals";
import { SCREENS, type ScreenId } from "../screens";
import { project, video as videoOf, videos } from "./session";
import { store, stored } from "./storage";

export const screen = signal<ScreenId>(SCREENS[0].id);
export const video = signal<number | null>(null);
export const frame = signal(0);
/** Key of the selected animal; null: none. */
export const animal = signal<number | null>(null);
/** Selected keypoint; null: none. */
export const keypoint = signal<number | null>(null);

/** The video that is open, if it still belongs to the project. */
export const openVideo = computed(() => videoOf(video.value));
/** Number of frames of the open video. */
export const frames = computed(() => openVideo.value?.frames ?? 0);

const remembered = new Map<string, Signal<unknown>>();

/** A signal that outlives the page: size of a panel, a switch, a slider. One per key. */
export function remember<T>(key: string, otherwise: T): Signal<T> {
  const known = remembered.get(key) as Signal<T> | undefined;
  if (known !== undefined) return known;
  const made = signal(stored(`view:${key}`, otherwise));
  effect(() => store(`view:${key}`, made.value));
  remembered.set(key, made as Signal<unknown>);
  return made;
}

/** Whether the page is too narrow for panels at both sides: small windows, 200 % zoom. */
export const narrow = signal(false);

/** Width or height of a panel in px, and whether it is folded; narrow pages begin with it folded. */
export function panel(name: string, size: number): { size: Signal<number>; folded: Signal<boolean> } {
  const folded = narrow.value
    ? remember(`fold-narrow:${name}`, true)
    : remember(`fold:${name}`, false);
  return { size: remember(`panel:${name}`, size), folded };
}

/** Go to a frame; outside of the video its nearest end. */
export function goTo(at: number, inVideo: number | null = video.value): void {
  const there = videoOf(inVideo);
  if (there === undefined) return;
  video.value = there.id;
  frame.value = Math.min(Math.max(Math.round(at), 0), Math.max(there.frames - 1, 0));
}

/** Go n frames on, or back. */
export function step(n: number): void {
  goTo(frame.value + n);
}

interface Place {
  video: number | null;
  frame: number;
}

/** Open the place where a project was left, else its first video; call once. */
export function keepPlace(): void {
  effect(() => {
    if (openVideo.value !== undefined || videos.value.length === 0) return;
    const last = stored<Place>(placeKey(), { video: null, frame: 0 });
    const there = videoOf(last.video) ?? videos.value[0]!;
    goTo(there.id === last.video ? last.frame : 0, there.id);
  });
  effect(() => {
    const here: Place = { video: video.value, frame: frame.value };
    if (openVideo.value !== undefined) store(placeKey(), here);
  });
}

function placeKey(): string {
  return `place:${project.value?.folder ?? ""}`;
}
