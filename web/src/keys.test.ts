import { afterEach, beforeEach, expect, test } from "vitest";
import { ACTIONS, NAMES, type ActionName } from "./actions";
import * as keys from "./keys";
import { SCREENS } from "./screens";
import { screen } from "./store/view";

interface Pressed {
  key: string;
  code: string;
  mods?: string;
  repeat?: boolean;
  composing?: boolean;
  at?: number;
}

let did: string[] = [];
let stop: (() => void)[] = [];

function event({ key, code, mods = "", repeat = false, composing = false, at = 0 }: Pressed) {
  const has = (name: string): boolean => mods.split(" ").includes(name);
  return {
    key,
    code,
    repeat,
    isComposing: composing,
    keyCode: composing ? 229 : 0,
    defaultPrevented: false,
    target: null,
    timeStamp: at,
    ctrlKey: has("ctrl"),
    metaKey: has("meta"),
    shiftKey: has("shift"),
    altKey: has("alt"),
    getModifierState: (name: string) => name === "AltGraph" && has("altgr"),
  } as unknown as KeyboardEvent;
}
const press = (p: Pressed): string[] => {
  did = [];
  keys.press(event(p));
  return did;
};

beforeEach(() => {
  globalThis.HTMLElement ??= class {} as typeof HTMLElement;
  globalThis.HTMLInputElement ??= class {} as typeof HTMLInputElement;
  screen.value = "label";
  for (const id of ["all", ...SCREENS.map((s) => s.id)] as const) {
    const names = NAMES.filter((name) => ACTIONS[name].screen === id);
    const deeds = names.map((name) => [name, () => void did.push(name)] as const);
    stop.push(keys.bind(id, Object.fromEntries(deeds)));
  }
});
afterEach(() => {
  for (const one of stop) one();
  stop = [];
  keys.chosen.value = {};
  keys.singleKeys.value = true;
  keys.asleep.value = 0;
});

test("no key means two things on one screen, and every action has a title and a key", () => {
  expect(keys.conflicts()).toEqual([]);
  for (const name of NAMES) expect([ACTIONS[name].title, ACTIONS[name].keys[0]]).not.toContain("");
});

const QWERTY: [ActionName, Pressed][] = [
  ["frame.next", { key: "ArrowRight", code: "ArrowRight" }],
  ["frame.previous10", { key: "ArrowLeft", code: "ArrowLeft", mods: "shift" }],
  ["play.toggle", { key: " ", code: "Space" }],
  ["play.slow", { key: " ", code: "Space", mods: "shift" }],
  ["zoom.in", { key: "+", code: "Equal", mods: "shift" }],
  ["zoom.in", { key: "+", code: "NumpadAdd" }],
  ["zoom.out", { key: "-", code: "Minus" }],
  ["zoom.fit", { key: "0", code: "Digit0" }],
  ["zoom.one", { key: ")", code: "Digit0", mods: "shift" }],
  ["animal.3", { key: "3", code: "Digit3" }],
  ["animal.none", { key: "Escape", code: "Escape" }],
  ["undo", { key: "z", code: "KeyZ", mods: "ctrl" }],
  ["undo", { key: "z", code: "KeyZ", mods: "meta" }],
  ["redo", { key: "Z", code: "KeyZ", mods: "ctrl shift" }],
  ["accept", { key: "Enter", code: "Enter" }],
  ["palette", { key: "/", code: "Slash" }],
  ["help", { key: "?", code: "Slash", mods: "shift" }],
  ["nudge.up", { key: "w", code: "KeyW" }],
  ["nudge.left5", { key: "A", code: "KeyA", mods: "shift" }],
  ["animal.mean", { key: "N", code: "KeyN", mods: "shift" }],
  ["animal.copy", { key: "c", code: "KeyC", mods: "ctrl" }],
  ["state.covered", { key: "c", code: "KeyC" }],
  ["loupe", { key: "z", code: "KeyZ" }],
  ["history", { key: "h", code: "KeyH", mods: "alt" }],
];
test.each(QWERTY)("%s on an American keyboard", (name, pressed) => {
  expect(press(pressed)).toEqual([name]);
});

const OTHERS: [string, ActionName, Pressed][] = [
  // letters by what they type
  ["AZERTY", "undo", { key: "z", code: "KeyW", mods: "ctrl" }],
  ["AZERTY", "sweep", { key: "m", code: "Semicolon" }],
  ["AZERTY", "help", { key: "?", code: "KeyM", mods: "shift" }],
  ["AZERTY", "palette", { key: "/", code: "Period", mods: "shift" }],
  ["German", "palette", { key: "/", code: "Digit7", mods: "shift" }],
  ["German", "redo", { key: "Z", code: "KeyY", mods: "ctrl shift" }],
  ["Dvorak", "animal.new", { key: "n", code: "KeyL" }],
  ["Dvorak", "undo", { key: "z", code: "Slash", mods: "ctrl" }],
  // WASD and digits by where they are
  ["AZERTY", "nudge.up", { key: "z", code: "KeyW" }],
  ["AZERTY", "nudge.left", { key: "q", code: "KeyA" }],
  ["AZERTY", "animal.1", { key: "&", code: "Digit1" }],
  ["Dvorak", "nudge.up", { key: ",", code: "KeyW" }],
  ["Dvorak", "nudge.down", { key: "o", code: "KeyS" }],
  // what a position took from a letter stays reachable where that letter is on a Latin keyboard
  ["AZERTY", "keypoint.previous", { key: "a", code: "KeyQ" }],
  ["AZERTY", "loupe", { key: "w", code: "KeyZ" }],
  // other scripts
  ["Cyrillic", "undo", { key: "я", code: "KeyZ", mods: "ctrl" }],
  ["Cyrillic", "nudge.up", { key: "ц", code: "KeyW" }],
  ["Cyrillic", "state.visible", { key: "м", code: "KeyV" }],
  ["Greek", "animal.mean", { key: "Ν", code: "KeyN", mods: "shift" }],
  ["Mac with Option", "history", { key: "˙", code: "KeyH", mods: "alt" }],
];
test.each(OTHERS)("%s: %s", (_, name, pressed) => {
  expect(press(pressed)).toEqual([name]);
});

test("what is being composed, dead keys and AltGr do nothing", () => {
  expect(press({ key: "Process", code: "KeyX", composing: true })).toEqual([]);
  expect(press({ key: "Dead", code: "KeyE" })).toEqual([]);
  expect(press({ key: "x", code: "KeyX", mods: "altgr" })).toEqual([]);
});

test("a key of the open screen goes before the same key of all screens", () => {
  screen.value = "tracks";
  expect(press({ key: "u", code: "KeyU" })).toEqual(["crossing.unsure"]);
  screen.value = "behavior";
  expect(press({ key: "3", code: "Digit3" })).toEqual(["bout.3"]);
  screen.value = "label";
  expect(press({ key: "u", code: "KeyU" })).toEqual(["flag"]);
  expect(press({ key: "t", code: "KeyT" })).toEqual([]);
});

test("a deed that does not fit now lets the key mean something else", () => {
  stop.push(keys.bind("label", { "nudge.down": { run: () => undefined, when: () => false } }));
  expect(press({ key: "o", code: "KeyS" })).toEqual(["view.onion"]);
  stop.push(keys.bind("label", { "view.onion": () => false }));
  expect(press({ key: "o", code: "KeyS" })).toEqual([]);
});

test("G and a digit open a screen, if the digit follows soon", () => {
  expect(press({ key: "g", code: "KeyG", at: 1000 })).toEqual([]);
  expect(press({ key: "2", code: "Digit2", at: 1800 })).toEqual(["screen.improve"]);
  expect(press({ key: "g", code: "KeyG", at: 5000 })).toEqual([]);
  expect(press({ key: "2", code: "Digit2", at: 9000 })).toEqual(["animal.2"]);
});

test("a held key repeats steps and nudges, never Enter or Delete", () => {
  expect(press({ key: "ArrowRight", code: "ArrowRight", repeat: true })).toEqual(["frame.next"]);
  expect(press({ key: "w", code: "KeyW", repeat: true })).toEqual(["nudge.up"]);
  expect(press({ key: "Enter", code: "Enter", repeat: true })).toEqual([]);
  expect(press({ key: "Delete", code: "Delete", repeat: true })).toEqual([]);
});

test("single keys can be switched off; arrows, Enter and Mod go on", () => {
  keys.singleKeys.value = false;
  expect(press({ key: "x", code: "KeyX" })).toEqual([]);
  expect(press({ key: "1", code: "Digit1" })).toEqual([]);
  expect(press({ key: "?", code: "Slash", mods: "shift" })).toEqual([]);
  expect(press({ key: "ArrowRight", code: "ArrowRight" })).toEqual(["frame.next"]);
  expect(press({ key: "z", code: "KeyZ", mods: "ctrl" })).toEqual(["undo"]);
});

test("a dialog puts the keys to sleep", () => {
  keys.asleep.value = 1;
  expect(press({ key: "ArrowRight", code: "ArrowRight" })).toEqual([]);
});

test("an action can have another key; what it takes from others is said", () => {
  const key = keys.nameToKeep(event({ key: "x", code: "KeyX" }))!;
  keys.rebind("view.onion", [key]);
  expect(keys.conflicts().map((c) => c.names)).toEqual([["state.absent", "view.onion"]]);
  keys.rebind("state.absent", []);
  expect(keys.conflicts()).toEqual([]);
  expect(press({ key: "x", code: "KeyX" })).toEqual(["view.onion"]);
  keys.rebind("view.onion", null);
  expect(press({ key: "o", code: "KeyO" })).toEqual(["view.onion"]);
  expect(keys.nameToKeep(event({ key: "Shift", code: "ShiftLeft" }))).toBeNull();
  expect(keys.nameToKeep(event({ key: "5", code: "Digit5" }))).toBe("@Digit5");
});

test("the palette knows the actions of the open screen and of all, and can do them", () => {
  const names = keys.actions.value.map((one) => one.name);
  expect(names).toContain("undo");
  expect(names).toContain("state.visible");
  expect(names).not.toContain("swap");
  did = [];
  expect(keys.run("state.visible")).toBe(true);
  expect(did).toEqual(["state.visible"]);
  stop.push(keys.bind("label", { swap: { run: () => undefined, when: () => false } }));
  expect(keys.run("swap")).toBe(false);
});

test("keys are written as people write them", () => {
  expect(keys.spell("Mod+Shift+z")).toBe("Ctrl+Shift+Z");
  expect(keys.spell("g @Digit1")).toBe("G then 1");
  expect(keys.spell("+")).toBe("+");
  expect(keys.spell("Shift+@KeyW")).toBe("Shift+W");
});
