// From keys to actions: which action a key means here and now, rebinding, conflicts.
import { computed, effect, signal } from "@preact/signals";
import { ACTIONS, NAMES, type ActionName, type Entry } from "./actions";
import type { ScreenId } from "./screens";
import { store, stored } from "./store/storage";
import { screen as openScreen } from "./store/view";

/** What an action does. Return false to pass: the key then means the next action that it fits. */
export type Run = () => boolean | void;
export interface Deed {
  run: Run;
  /** Called when the key goes up, for actions that last as long as it is held. */
  release?: () => void;
  /** Whether it makes sense now; the palette shows the others greyed. */
  when?: () => boolean;
}
type Deeds = Partial<Record<ActionName, Deed | Run>>;

/** An action as the palette and the help show it. */
export interface Action {
  name: ActionName;
  title: string;
  keys: readonly string[];
  screen: Entry["screen"];
  usable: boolean;
}

const bound = signal<readonly { screen: ScreenId | "all"; deeds: Map<ActionName, Deed> }[]>([]);
/** Keys that the person has chosen, by action. */
export const chosen = signal<Partial<Record<ActionName, string[]>>>(stored("keys", {}));
/** Whether keys without Mod or Alt that type a letter or sign do anything. */
export const singleKeys = signal(stored("single-keys", true));
/** Set while a dialog is open: the page's keys are asleep. */
export const asleep = signal(0);

/** Keep what the person has chosen; call once. */
export function keepKeys(): void {
  effect(() => store("keys", chosen.value));
  effect(() => store("single-keys", singleKeys.value));
}

/** Give actions their deeds on a screen; the last one to do so wins. Returns how to stop. */
export function bind(screen: ScreenId | "all", deeds: Deeds): () => void {
  const pairs = Object.entries(deeds) as [ActionName, Deed | Run][];
  const full = pairs.map(([name, d]) => [name, typeof d === "function" ? { run: d } : d] as const);
  const one = { screen, deeds: new Map(full) };
  bound.value = [one, ...bound.peek()];
  return () => {
    bound.value = bound.peek().filter((other) => other !== one);
  };
}

/** The keys of an action as they are now. */
export function keysOf(name: ActionName): readonly string[] {
  return chosen.value[name] ?? ACTIONS[name].keys;
}

function deedOf(name: ActionName): Deed | undefined {
  const here = bound.value.filter((one) => one.deeds.has(name));
  const own = here.find((one) => one.screen === openScreen.value);
  return (own ?? here.find((one) => one.screen === "all"))?.deeds.get(name);
}

/** The actions of the open screen that somebody has given a deed. */
export const actions = computed<Action[]>(() => {
  const made: Action[] = [];
  for (const name of NAMES) {
    const { title, screen } = ACTIONS[name];
    const deed = deedOf(name);
    if (deed === undefined || (screen !== "all" && screen !== openScreen.value)) continue;
    made.push({ name, title, screen, keys: keysOf(name), usable: deed.when?.() ?? true });
  }
  return made;
});

/** Do an action by its name, as its button or the palette does. */
export function run(name: ActionName): boolean {
  const deed = deedOf(name);
  if (deed === undefined || deed.when?.() === false) return false;
  const did = deed.run() !== false;
  if (did) deed.release?.();
  return did;
}

/** Title with its key, for buttons: "Undo my last edit (Ctrl+Z)". */
export function hint(name: ActionName): string {
  const key = keysOf(name)[0];
  return key === undefined ? ACTIONS[name].title : `${ACTIONS[name].title} (${spell(key)})`;
}

const mac = typeof navigator !== "undefined" && /Mac|iPhone|iPad/.test(navigator.userAgent);
const SPELL: Record<string, string> = {
  ArrowRight: "→",
  ArrowLeft: "←",
  ArrowUp: "↑",
  ArrowDown: "↓",
  PageUp: "Page Up",
  PageDown: "Page Down",
  Escape: "Esc",
  Delete: "Del",
  "-": "−",
};

/** A key as people write it. */
export function spell(key: string): string {
  const one = (part: string): string => {
    if (part === "Mod") return mac ? "⌘" : "Ctrl";
    if (part.startsWith("@")) return part.replace(/^@(Key|Digit)?/, "");
    return SPELL[part] ?? (part.length === 1 ? part.toUpperCase() : part);
  };
  return key
    .split(" ")
    .map((chord) => splitChord(chord).map(one).join("+"))
    .join(" then ");
}

function splitChord(chord: string): string[] {
  const parts = chord.split(/\+(?=.)/);
  return parts.length > 1 && parts[0] === "" ? ["+"] : parts;
}

type Press = Pick<
  KeyboardEvent,
  "key" | "code" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey"
>;

/**
 * What a key press may be called, the best first: by position, by what it types, and, where a
 * layout types something that means nothing, by the letter that stands there on a Latin keyboard.
 */
export function namesOf(press: Press): string[] {
  const { key, code, shiftKey } = press;
  const mod = press.ctrlKey || press.metaKey ? "Mod+" : "";
  const alt = press.altKey ? "Alt+" : "";
  const shift = shiftKey ? "Shift+" : "";
  const names = [`${mod}${alt}${shift}@${code}`];
  const typed = key === " " ? "Space" : key;
  if (/^[a-z]$/i.test(typed)) names.push(`${mod}${alt}${shift}${typed.toLowerCase()}`);
  // Shift belongs to the sign on some layouts ("/" is Shift+7 in Germany), so it is not said
  else if (typed.length === 1) names.push(`${mod}${alt}${typed}`);
  else names.push(`${mod}${alt}${shift}${typed}`);
  const letter = /^Key([A-Z])$/.exec(code)?.[1];
  if (letter !== undefined) names.push(`${mod}${alt}${shift}${letter.toLowerCase()}`);
  return [...new Set(names)];
}

/** Actions that a key means on a screen, the best first: of this screen before those of all. */
export function meant(press: Press, screen: ScreenId, before = ""): ActionName[] {
  const found: ActionName[] = [];
  for (const name of namesOf(press).map((n) => before + n)) {
    for (const own of [true, false])
      for (const action of NAMES) {
        const there = ACTIONS[action].screen === (own ? screen : "all");
        if (there && keysOf(action).includes(name)) found.push(action);
      }
  }
  return [...new Set(found)];
}

/** Pairs of actions that one key means at the same time on some screen, with the key. */
export function conflicts(): { key: string; names: ActionName[] }[] {
  const by = new Map<string, ActionName[]>();
  for (const name of NAMES) for (const key of keysOf(name)) by.set(key, [...(by.get(key) ?? []), name]);
  const clash = (a: ActionName, b: ActionName): boolean =>
    a !== b && ACTIONS[a].screen === ACTIONS[b].screen;
  return [...by]
    .map(([key, names]) => ({ key, names: names.filter((a) => names.some((b) => clash(a, b))) }))
    .filter(({ names }) => names.length > 1);
}

/** Give an action other keys; null: those of the table again. */
export function rebind(name: ActionName, keys: string[] | null): void {
  const { [name]: _, ...rest } = chosen.value;
  chosen.value = keys === null ? rest : { ...rest, [name]: keys };
}

/** The name under which a key press is kept when an action is rebound; null: only a modifier. */
export function nameToKeep(press: Press): string | null {
  if (["Shift", "Control", "Alt", "Meta", "AltGraph", "Dead", "Process"].includes(press.key))
    return null;
  const [position, typed] = namesOf(press);
  return /^Digit\d$/.test(press.code) && /^\d$/.test(press.key) ? position! : typed!;
}

const SEQUENCE_MS = 1500;
let before: { key: string; at: number } | null = null;
const down = new Map<string, () => void>();

function single(press: Press): boolean {
  const { key, ctrlKey, metaKey, altKey } = press;
  return key.length === 1 && key !== " " && !ctrlKey && !metaKey && !altKey;
}

function editable(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target.closest("select, textarea")) return true;
  return target instanceof HTMLInputElement && !["checkbox", "radio", "button"].includes(target.type);
}

/** Whether the focused thing needs this key itself. */
function taken(event: KeyboardEvent): boolean {
  const { target, key } = event;
  if (editable(target)) {
    const slider = target instanceof HTMLInputElement && target.type === "range";
    const moves = key.startsWith("Arrow") || key.startsWith("Page") || key === "Home" || key === "End";
    return slider ? moves : true;
  }
  if (!(target instanceof HTMLElement) || (key !== " " && key !== "Enter")) return false;
  return target.closest("button, a[href], summary, [role=option], [role=tab], input") !== null;
}

function starts(press: Press): string | null {
  const names = new Set(namesOf(press));
  for (const name of NAMES)
    for (const key of keysOf(name)) {
      const [first, second] = key.split(" ");
      if (second !== undefined && names.has(first!)) return `${first} `;
    }
  return null;
}

/** Do what a key press means; true if it meant something. */
export function press(event: KeyboardEvent): boolean {
  const composing = event.isComposing || event.keyCode === 229 || event.key === "Process";
  if (composing || event.defaultPrevented || event.key === "Dead") return false;
  if (event.getModifierState("AltGraph") || asleep.peek() > 0 || taken(event)) return false;
  if (["Shift", "Control", "Alt", "Meta"].includes(event.key)) return false;
  if (!singleKeys.peek() && single(event)) return false;
  const follows = before !== null && event.timeStamp - before.at < SEQUENCE_MS ? before.key : "";
  before = null;
  for (const name of meant(event, openScreen.peek(), follows)) {
    const deed = deedOf(name);
    if (deed === undefined || deed.when?.() === false) continue;
    if (event.repeat && !ACTIONS[name].repeat) return true;
    if (deed.run() === false) continue;
    if (deed.release) down.set(event.code, deed.release);
    return true;
  }
  const first = follows === "" ? starts(event) : null;
  if (first !== null) before = { key: first, at: event.timeStamp };
  return first !== null;
}

function up(code: string): void {
  down.get(code)?.();
  down.delete(code);
}

/** Listen to the keyboard. */
export function listen(): void {
  addEventListener("keydown", (event) => {
    if (press(event)) event.preventDefault();
  });
  addEventListener("keyup", (event) => up(event.code));
  addEventListener("blur", () => [...down.keys()].forEach(up));
}
