// What the page knows of the project as a whole, and of the person in front of it.
import { computed, effect, signal } from "@preact/signals";
import { get, setBrowser, setUser, uuid } from "../api";
import type {
  Individual,
  KeypointCounts,
  Person,
  Project,
  Skeleton,
  Suggestion,
  Video,
} from "../types.gen";
import type { RowChange } from "./rows";
import { stored, store } from "./storage";
import { reading } from "./told";

export type Theme = "system" | "dark" | "light";

export const project = signal<Project | null>(null);
export const videos = signal<Video[]>([]);
export const individuals = signal<Individual[]>([]);
export const keypointCounts = signal<KeypointCounts[]>([]);
export const suggestions = signal<Suggestion[]>([]);
/** null while the folder is no project. */
export const skeleton = signal<Skeleton | null>(null);
export const role = signal<"edit" | "read">("edit");
/** Under which name edits are made; one that the server gave until somebody types one. */
export const user = signal(stored("user", ""));
/** Whether somebody typed it. */
export const named = signal(user.value !== "");
/** Whether something was edited on this page. */
export const edited = signal(false);
/** "lost": nobody answers; edits wait in the browser. */
export const connection = signal<"live" | "lost">("live");
/** Of the newest edit that the page knows of. */
export const seq = signal(0);
/** Of the newest edit that the feed has told; own edits that it has yet to echo are newer. */
export const heard = signal(0);
/** When that edit was made: tells the log from one that took its place. */
export let heardAt = "";
export const people = signal<Person[]>([]);
/** Counts how often the feed said that something outside of the log has changed. */
export const reloads = signal(0);
/** Why edits are refused now ("the disk is full …"), "" while they are taken. */
export const refused = signal("");
/** What the next click does; the line at the bottom. Screens set it. */
export const status = signal("");
/** Further cells of the status line, such as "frame 812 / 54 000 · 27.067 s". */
export const statusCells = signal<string[]>([]);
export const theme = signal<Theme>(stored<Theme>("theme", "dark"));
/** Names of hints that the person has dismissed. */
export const dismissed = signal<string[]>(stored<string[]>("hints", []));
/** Why the project cannot be opened at all. */
export const trouble = signal("");

/** Whether labels may be changed now. */
export const mayEdit = computed(() => role.value === "edit" && refused.value === "");
/** Names of the keypoints, in order. */
export const keypoints = computed(() => skeleton.value?.keypoints ?? []);

/** Whether it is time to ask who sits here: edits are made, and others may be at work, too. */
export const nameless = computed(() => {
  const others = people.value.some(({ own, name }) => !own && name !== user.value);
  return !named.value && edited.value && (project.value?.guest === true || others);
});

/** A video of the project by its number. */
export function video(id: number | null): Video | undefined {
  return videos.value.find((one) => one.id === id);
}

/** An animal's name; negative numbers are animals without one. */
export function animalName(animal: number): string {
  const known = individuals.value.find((one) => one.id === animal);
  return known?.name ?? (animal < 0 ? `unnamed ${-animal}` : `animal ${animal}`);
}

/** Dismiss a hint for good. */
export function dismiss(hint: string): void {
  if (dismissed.value.includes(hint)) return;
  dismissed.value = [...dismissed.value, hint];
}

/** The feed, or an answer, told the log up to its line `at`, which was written at `time`. */
export function hearTo(at: number, time: string): void {
  if (at < heard.peek()) return;
  heard.value = at;
  if (time !== "") heardAt = time;
}

/** Nothing of the log is known. */
export function forgetHeard(): void {
  heard.value = seq.value = 0;
  heardAt = "";
}

/** Take over what the server says of the project. */
export function takeProject(next: Project): void {
  project.value = next;
  videos.value = next.videos;
  individuals.value = next.individuals;
  skeleton.value = next.skeleton;
  keypointCounts.value = next.keypoints;
  suggestions.value = next.suggestions;
  role.value = next.role;
  seq.value = Math.max(seq.value, next.seq);
  if (!named.value) user.value = next.user;
}

let laid = (said: Project, _since: readonly RowChange[]): Project => said;

/** Lay over an answer what is newer than it; without this it is taken as it is. */
export function setLaid(lay: (said: Project, since: readonly RowChange[]) => Project): void {
  laid = lay;
}

const ANSWER_MS = 30_000;

/** Ask the server for the project; returns what it said. */
export async function loadProject(): Promise<Project> {
  const { said, since } = await reading(() => get<Project>("project", { within: ANSWER_MS }));
  takeProject(laid(said, since));
  return said;
}

/** Keep what belongs to the person; call once. */
export function keepPerson(): void {
  const browser = stored("browser", "") || uuid().replaceAll("-", "").slice(0, 16);
  store("browser", browser);
  setBrowser(browser);
  effect(() => {
    setUser(user.value);
    store("user", named.value ? user.value : "");
  });
  effect(() => store("hints", dismissed.value));
  effect(() => {
    store("theme", theme.value);
    document.documentElement.dataset["theme"] = theme.value;
  });
}
