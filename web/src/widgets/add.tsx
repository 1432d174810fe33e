// Adding videos and labels to a project that is there.
import { useEffect, useState } from "preact/hooks";
import { bring, foreseen, type Given } from "../store/bringing";
import { closeDialog, dialog } from "../store/dialogs";
import { Dialog } from "./dialog";
import { ChosenFiles, Drop, selection, sendFiles, ServerFiles } from "./picker";

const chosen = selection();

/** Files dropped anywhere on the page: opens the dialog with them in it. */
export function takeDrop(event: DragEvent): void {
  const files = [...(event.dataTransfer?.files ?? [])];
  if (files.length === 0) return;
  event.preventDefault();
  dialog.value = "add";
  void sendFiles(files, chosen);
}

function Foreseen({ files }: { files: readonly Given[] }) {
  const [lines, setLines] = useState<string[]>([]);
  const ids = files.map((one) => one.id).join();
  useEffect(() => {
    let gone = false;
    void Promise.all(files.map(foreseen)).then((all) => !gone && setLines(all.flat()));
    return () => void (gone = true);
  }, [ids]);
  if (files.length === 0 || lines.length === 0) return null;
  return (
    <ul data-test="foreseen">
      {lines.map((text) => (
        <li key={text}>{text}</li>
      ))}
    </ul>
  );
}

/** The dialog. */
export function AddDialog() {
  const [busy, setBusy] = useState(false);
  const ready = chosen.value.flatMap(({ id, name, kind }) => (id === null ? [] : [{ id, name, kind }]));
  const waits = ready.length < chosen.value.length;
  const go = async (): Promise<void> => {
    setBusy(true);
    await bring(ready);
    chosen.value = [];
    setBusy(false);
    closeDialog();
  };
  const footer = (
    <button
      class="main"
      disabled={busy || waits || ready.length === 0}
      data-test="add"
      onClick={() => void go()}
    >
      {waits ? "Files are on their way …" : busy ? "Adding …" : `Add ${ready.length || ""}`}
    </button>
  );
  return (
    <Dialog title="Add videos or labels" onClose={closeDialog} footer={footer} wide test="add-dialog">
      <div class="column">
        <Drop chosen={chosen} />
        <ServerFiles chosen={chosen} />
        <ChosenFiles chosen={chosen} />
        <Foreseen files={ready.filter((one) => one.kind === "labels")} />
      </div>
    </Dialog>
  );
}
