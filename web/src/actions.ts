// Every action of the studio: its name, its title, its keys, its screen. Screens give the deeds.
//
// A key: letters and signs by what they type ("n", "?"), positions with @ as in
// KeyboardEvent.code ("@KeyW", "@Digit1"), names as in KeyboardEvent.key ("Enter"); with
// "Mod+", "Shift+", "Alt+" before, and a space between two keys that follow one another.
import type { ScreenId } from "./screens";

export interface Entry {
  /** What it does, as the palette and the help say it. */
  readonly title: string;
  readonly keys: readonly string[];
  readonly screen: ScreenId | "all";
  /** Goes on while the key is down. */
  readonly repeat?: boolean;
}

const DIGITS = [1, 2, 3, 4, 5, 6, 7, 8, 9] as const;
type Digit = (typeof DIGITS)[number];

function numbered<P extends string>(
  name: P,
  make: (n: Digit) => Entry,
): Record<`${P}.${Digit}`, Entry> {
  const pairs = DIGITS.map((n) => [`${name}.${n}`, make(n)] as const);
  return Object.fromEntries(pairs) as Record<`${P}.${Digit}`, Entry>;
}

function on<S extends Entry["screen"]>(screen: S) {
  return (title: string, ...keys: string[]): Entry => ({ title, keys, screen });
}
const again = (entry: Entry): Entry => ({ ...entry, repeat: true });
const all = on("all");
const label = on("label");
const improve = on("improve");
const tracks = on("tracks");
const space = on("space");
const behavior = on("behavior");

const EVERYWHERE = {
  "frame.next": again(all("Next frame", "ArrowRight")),
  "frame.previous": again(all("Previous frame", "ArrowLeft")),
  "frame.next10": again(all("10 frames on", "Shift+ArrowRight")),
  "frame.previous10": again(all("10 frames back", "Shift+ArrowLeft")),
  "frame.next100": again(all("100 frames on", "PageDown")),
  "frame.previous100": again(all("100 frames back", "PageUp")),
  "frame.first": all("First frame", "Home"),
  "frame.last": all("Last frame", "End"),
  "play.toggle": all("Play, pause; hold and drag: pan", "Space"),
  "play.slow": all("Play at a quarter of the speed", "Shift+Space"),
  "play.source": all("Play from pictures or from packets", "Alt+p"),
  "zoom.in": again(all("Zoom in", "+")),
  "zoom.out": again(all("Zoom out", "-")),
  "zoom.fit": all("Fit the picture", "@Digit0"),
  "zoom.one": all("One pixel to one pixel", "Shift+@Digit0"),
  ...numbered("animal", (n) => all(`Select animal ${n}`, `@Digit${n}`)),
  "animal.none": all("Select nothing", "Escape"),
  "overlay.hide": all("Hide the overlay while held", "h"),
  loupe: all("Loupe ×4 while held", "z"),
  undo: again(all("Undo my last edit", "Mod+z")),
  redo: again(all("Redo", "Mod+Shift+z")),
  "queue.previous": again(all("Previous in the queue", "j")),
  "queue.next": again(all("Next in the queue", "k")),
  accept: all("Accept and go on", "Enter"),
  flag: all("Flag with a note", "u"),
  "screen.label": all("Screen Label", "g @Digit1"),
  "screen.improve": all("Screen Improve", "g @Digit2"),
  "screen.tracks": all("Screen Tracks", "g @Digit3"),
  "screen.space": all("Screen 3D", "g @Digit4"),
  "screen.behavior": all("Screen Behaviour", "g @Digit5"),
  palette: all("Find an action, a frame, a name", "/"),
  help: all("All keys", "?"),
  history: all("History of edits", "Alt+h"),
  skeleton: all("Edit the skeleton", "Alt+k"),
  "video.add": all("Add a video or labels", "Alt+v"),
  export: all("Export labels", "Alt+e"),
  person: all("Your name, colours", "Alt+u"),
  "theme.toggle": all("Dark or light", "Alt+t"),
} satisfies Record<string, Entry>;

const LABEL = {
  sweep: label("Sweep: one keypoint through all queued frames", "m"),
  "nudge.up": again(label("Move the point up", "@KeyW")),
  "nudge.left": again(label("Move the point left", "@KeyA")),
  "nudge.down": again(label("Move the point down", "@KeyS")),
  "nudge.right": again(label("Move the point right", "@KeyD")),
  "nudge.up5": again(label("Move the point up ×5", "Shift+@KeyW")),
  "nudge.left5": again(label("Move the point left ×5", "Shift+@KeyA")),
  "nudge.down5": again(label("Move the point down ×5", "Shift+@KeyS")),
  "nudge.right5": again(label("Move the point right ×5", "Shift+@KeyD")),
  "keypoint.previous": again(label("Previous keypoint", "q")),
  "keypoint.next": again(label("Next keypoint", "e")),
  "state.visible": label("Point is visible", "v"),
  "state.covered": label("Point is covered", "c"),
  "state.absent": label("Point is absent", "x"),
  "state.unset": label("Forget the point; with no point: delete the animal", "Delete", "Backspace"),
  "animal.mirror": label("Exchange left and right", "r"),
  "animal.fit": label("Fit the view to the animal", "f"),
  "animal.new": label("New animal", "n"),
  "animal.mean": label("New animal: mean pose at the pointer", "Shift+n"),
  "animal.copy": label("Copy the animal", "Mod+c"),
  "animal.paste": label("Paste the animal", "Mod+v"),
  "animal.borrow": label("Same animal from the nearest labelled frame", "b"),
  "animal.name": label("Name the animal", "F2"),
  "range.first": label("The marked range begins here", ","),
  "range.last": label("The marked range ends here", "."),
  "view.levels": label("Automatic levels", "l"),
  "view.onion": label("Onion skin", "o"),
  "view.predictions": label("Show predictions", "p"),
  "view.invert": label("Invert the picture", "i"),
  "frame.empty": label("No animal here", "Alt+n"),
  suggest: label("Suggest 20 more frames", "Alt+s"),
} satisfies Record<string, Entry>;

const OTHERS = {
  train: improve("Train", "t"),
  predict: improve("Predict the queue", "Shift+t"),
  "improve.suggest": improve("Suggest frames", "s"),
  "crossing.loop": tracks("Loop the crossing at a quarter of the speed", "o"),
  "crossing.unsure": tracks("Not sure", "u"),
  swap: tracks("Swap from here", "x"),
  "swap.range": tracks("Swap inside the marked range", "Shift+x"),
  pin: tracks("Pin this frame as right", "y"),
  ...numbered("assign", (n) => tracks(`Fragment belongs to animal ${n}`, `Shift+@Digit${n}`)),
  "fragment.cut": tracks("Cut here", "b"),
  "fragment.join": tracks("Join with the next fragment", "m"),
  "fragment.delete": tracks("Not an animal", "Delete", "Backspace"),
  follow: tracks("Follow the animal", "f"),
  "stretch.first": tracks("The marked range begins here", ","),
  "stretch.last": tracks("The marked range ends here", "."),
  "gap.next": tracks("Next gap or fragment", "n"),
  "gap.bridge": tracks("Interpolate this gap of the animal", "i"),
  "gap.leave": tracks("Leave this gap as it is", "Shift+i"),
  "frame.teach": tracks("These poses join the queue of Label", "l"),
  "animal.rename": tracks("Rename the animal", "F2"),
  epipolar: space("Epipolar lines: selected, all, off", "e"),
  "view.leave": space("Leave this view out", "x"),
  "view.bring": space("Bring this view back", "v"),
  "accept.labels": space("Accept and make labels of it", "Shift+Enter"),
  "offset.earlier": again(space("This view's film one frame earlier", ",")),
  "offset.later": again(space("This view's film one frame later", ".")),
  "rig.import": space("Import a calibration", "Alt+i"),
  "rig.calibrate": space("Calibrate from videos of a board", "Alt+c"),
  synchronize: space("Synchronize: find the offsets", "Alt+s"),
  "point.next": again(space("Next keypoint", "n")),
  "point.previous": again(space("Previous keypoint", "Shift+n")),
  "camera.next": space("Next view, for X, V and W A S D", "c"),
  "move.up": again(space("Move the point up in this view", "@KeyW")),
  "move.left": again(space("Move the point left in this view", "@KeyA")),
  "move.down": again(space("Move the point down in this view", "@KeyS")),
  "move.right": again(space("Move the point right in this view", "@KeyD")),
  "move.up5": again(space("Move the point up ×5 in this view", "Shift+@KeyW")),
  "move.left5": again(space("Move the point left ×5 in this view", "Shift+@KeyA")),
  "move.down5": again(space("Move the point down ×5 in this view", "Shift+@KeyS")),
  "move.right5": again(space("Move the point right ×5 in this view", "Shift+@KeyD")),
  triangulate: space("Triangulate", "t"),
  "state.rename": behavior("Name the state or syllable", "F2"),
  "state.merge": behavior("Merge into …", "m"),
  "state.split": behavior("Split", "Shift+m"),
  "bout.exclude": behavior("Exclude the marked range", "x"),
  ...numbered("bout", (n) => behavior(`Behaviour ${n}: start, stop`, `@Digit${n}`)),
} satisfies Record<string, Entry>;

export const ACTIONS = { ...EVERYWHERE, ...LABEL, ...OTHERS };
export type ActionName = keyof typeof ACTIONS;
export const NAMES = Object.keys(ACTIONS) as ActionName[];
