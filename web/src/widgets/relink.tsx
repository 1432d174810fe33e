// A film that is not where it was: found again by its content, or shown by hand.
import { useMemo, useState } from "preact/hooks";
import { post, sentence } from "../api";
import { closeDialog, dialog, moved } from "../store/dialogs";
import { loadProject, mayEdit, video as known, videos } from "../store/session";
import { toast } from "../store/toasts";
import { frames } from "../video/frames";
import { Dialog } from "./dialog";
import { ChosenFiles, Drop, selection, ServerFiles } from "./picker";

/** Open the dialog for a film. */
export function relink(video: number): void {
  moved.value = video;
  dialog.value = "relink";
}

/** Films that are not where they were, above the screen. */
export function Lost() {
  const lost = videos.value.filter((one) => !one.found);
  const first = lost[0];
  if (first === undefined || !mayEdit.value) return null;
  const text =
    lost.length === 1
      ? `${first.name} is not where it was.`
      : `${lost.length} videos are not where they were, ${first.name} is one.`;
  return (
    <div class="row lost" role="status" data-test="lost">
      <span class="grow">{text}</span>
      <button type="button" onClick={() => relink(first.id)}>
        Say where it is …
      </button>
    </div>
  );
}

/** The dialog. */
export function RelinkDialog() {
  const chosen = useMemo(selection, []);
  const [busy, setBusy] = useState(false);
  const [trouble, setTrouble] = useState("");
  const video = known(moved.value);
  if (video === undefined) return null;
  const file = chosen.value.filter((one) => one.kind !== "labels").at(-1)?.id ?? null;
  const tell = async (path: string, body: unknown, method: "PATCH" | "POST"): Promise<void> => {
    setBusy(true);
    setTrouble("");
    try {
      await post(path, body, { method });
      frames.forgetTroubles(video.id);
      await loadProject();
      toast(`${video.name} is found.`);
      closeDialog();
    } catch (error) {
      setTrouble(sentence(error));
    } finally {
      setBusy(false);
    }
  };
  const footer = (
    <>
      <button
        type="button"
        disabled={busy}
        title="Look for the same content in the project, around it, and in the server's folders"
        data-test="relink-search"
        onClick={() => void tell(`videos/${video.id}/search`, {}, "POST")}
      >
        Search for it
      </button>
      <button
        class="main"
        disabled={busy || file === null}
        data-test="relink"
        onClick={() => void tell(`videos/${video.id}`, { file }, "PATCH")}
      >
        {busy ? "Looking …" : "It is this one"}
      </button>
    </>
  );
  return (
    <Dialog
      title={`Where is ${video.name} now?`}
      onClose={closeDialog}
      footer={footer}
      wide
      test="relink-dialog"
    >
      <div class="column">
        <p class="muted">It was at {video.path}. Labels stay with it: the content is compared.</p>
        <ServerFiles chosen={chosen} />
        <Drop chosen={chosen} />
        <ChosenFiles chosen={chosen} />
        {trouble !== "" && (
          <p class="bad" role="alert">
            {trouble}
          </p>
        )}
      </div>
    </Dialog>
  );
}
