// The screens: their names in order, and the components that have been registered for them.
import { signal } from "@preact/signals";
import type { ComponentType } from "preact";

export const SCREENS = [
  { id: "label", title: "Label" },
  { id: "improve", title: "Improve" },
  { id: "tracks", title: "Tracks" },
  { id: "space", title: "3D" },
  { id: "behavior", title: "Behaviour" },
] as const;

export type ScreenId = (typeof SCREENS)[number]["id"];

/** Components by screen; only these have a tab. */
export const registered = signal<ReadonlyMap<ScreenId, ComponentType>>(new Map());

/** Give a screen its component; its tab appears. */
export function registerScreen(id: ScreenId, component: ComponentType): void {
  registered.value = new Map(registered.value).set(id, component);
}

/** The screen that the fragment of an address names ("#tracks"), else the first. */
export function screenOf(fragment: string): ScreenId {
  const named = SCREENS.find((screen) => `#${screen.id}` === fragment);
  return (named ?? SCREENS[0]).id;
}
