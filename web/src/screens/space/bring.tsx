// Two dialogs: a calibration of another program, and a new one from films of a board.
import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { addRig } from "../../store/bringing";
import * as view from "../../store/view";
import { Dialog } from "../../widgets/dialog";
import { ChosenFiles, Drop, selection, ServerFiles } from "../../widgets/picker";
import * as desk from "./desk";
import { asking, chooseRig, refused, start } from "./prepare";
import { Settings } from "./settings";

const rigFiles = selection();
const boardFiles = selection();
const close = (): void => void (asking.value = null);

/** Import a calibration. */
export function ImportDialog() {
  const [busy, setBusy] = useState(false);
  const ready = rigFiles.value.flatMap(({ id, name, kind }) => (id === null ? [] : [{ id, name, kind }]));
  const go = async (): Promise<void> => {
    setBusy(true);
    const made = await addRig(ready);
    setBusy(false);
    if (made === null) return;
    rigFiles.value = [];
    await desk.load();
    chooseRig(made.rig);
    close();
  };
  const footer = (
    <button class="main" disabled={busy || ready.length === 0 || ready.length < rigFiles.value.length} onClick={() => void go()} data-test="rig-import-go">
      {busy ? "Reading …" : "Import"}
    </button>
  );
  return (
    <Dialog title="Import a calibration" onClose={close} footer={footer} wide test="rig-dialog">
      <div class="column">
        <p class="muted">
          gambol, anipose, FreeMoCap, Caliscope, OpenCV, JARVIS, multicam-calibration, GIMBAL, DANNCE, Label3D, Qualisys,
          Vicon, OptiTrack. Of formats with a file for each camera choose all, or their folder.
        </p>
        <Drop chosen={rigFiles} what="a calibration" />
        <ServerFiles chosen={rigFiles} kinds={["rig", "labels"]} folders />
        <ChosenFiles chosen={rigFiles} />
      </div>
    </Dialog>
  );
}

const USUAL = { kind: "charuco", columns: 7, rows: 5, square: 20, marker: 15, dictionary: "4X4_50", units: "mm" };
type Board = typeof USUAL;
const board = view.remember<Board>("space.board", USUAL);
const DICTIONARIES = [4, 5, 6, 7].flatMap((bits) => [50, 100, 250, 1000].map((size) => `${bits}X${bits}_${size}`));
const isBoard = (name: string): boolean => /\.(toml|ya?ml)$/i.test(name);
const sending = signal(false);

async function calibrate(): Promise<void> {
  sending.value = true;
  const files = boardFiles.peek().map(({ id }) => id);
  const said = board.peek();
  const { marker: _m, dictionary: _d, ...plain } = said;
  const described = boardFiles.peek().some(({ name }) => isBoard(name));
  const inputs = { files, ...(described ? {} : { board: said.kind === "charuco" ? said : plain }) };
  const begun = await start("calibrate", inputs);
  sending.value = false;
  if (!begun) return;
  boardFiles.value = [];
  close();
}

function NumberField({ name, title }: { name: "columns" | "rows" | "square" | "marker"; title: string }) {
  return (
    <label>
      {title}
      <input class="number" type="number" min="0" step="any" value={board.value[name]} data-test={`board-${name}`} onChange={({ currentTarget }) => (board.value = { ...board.peek(), [name]: Number(currentTarget.value) })} />
    </label>
  );
}

function Choice({ name, title, of }: { name: "kind" | "dictionary" | "units"; title: string; of: readonly string[] }) {
  return (
    <label>
      {title}
      <select value={board.value[name]} data-test={`board-${name}`} onChange={({ currentTarget }) => (board.value = { ...board.peek(), [name]: currentTarget.value })}>
        {of.map((one) => (
          <option key={one}>{one}</option>
        ))}
      </select>
    </label>
  );
}

function BoardFields() {
  const coded = board.value.kind === "charuco";
  return (
    <fieldset class="board-fields">
      <legend>The board</legend>
      <Choice name="kind" title="kind" of={["charuco", "checkerboard"]} />
      <NumberField name="columns" title="squares across" />
      <NumberField name="rows" title="squares down" />
      <NumberField name="square" title="side of a square" />
      {coded && <NumberField name="marker" title="side of a marker" />}
      {coded && <Choice name="dictionary" title="markers" of={DICTIONARIES} />}
      <Choice name="units" title="unit" of={["mm", "cm", "m", "um"]} />
    </fieldset>
  );
}

/** Calibrate from films of a board. */
export function CalibrateDialog() {
  const waits = boardFiles.value.some(({ id }) => id === null);
  const described = boardFiles.value.some(({ name }) => isBoard(name));
  const films = boardFiles.value.filter(({ name }) => !isBoard(name)).length;
  const trouble = refused.value?.stage === "calibrate" ? refused.value.text : null;
  const footer = (
    <button class="main" disabled={waits || films === 0 || sending.value} onClick={() => void calibrate()} data-test="calibrate-go">
      {waits ? "Files are on their way …" : "Calibrate"}
    </button>
  );
  return (
    <Dialog title="Calibrate from videos of a board" onClose={close} footer={footer} wide test="calibrate-dialog">
      <div class="column">
        <p class="muted">
          One film or folder of pictures a camera, called as the camera; or one folder that holds them. All cameras film the
          board at the same time; a board file (.yaml, .toml) among them describes it.
        </p>
        <Drop chosen={boardFiles} what="films of the board" />
        <ServerFiles chosen={boardFiles} kinds={["video", "rig"]} folders />
        <ChosenFiles chosen={boardFiles} />
        {described ? <p class="muted">The board is described by the file.</p> : <BoardFields />}
        {trouble !== null && <p class="bad" role="alert">{trouble}</p>}
        <Settings stage="calibrate" />
      </div>
    </Dialog>
  );
}
