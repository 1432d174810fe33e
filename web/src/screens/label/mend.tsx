// What can be done about a frame that cannot be read: leave it out, repair the film, find the film.
import { useEffect, useRef, useState } from "preact/hooks";
import { sentence } from "../../api";
import { startJob } from "../../store/jobs";
import { BAD } from "../../store/labels";
import * as session from "../../store/session";
import { toast } from "../../store/toasts";
import * as view from "../../store/view";
import { relink } from "../../widgets/relink";
import * as desk from "./desk";
import { bad } from "./moves";

async function repair(video: number): Promise<void> {
  try {
    await startJob("repair", {}, { video });
    toast("A repaired copy is being written; it takes the place of the film when it is whole.");
  } catch (error) {
    toast(sentence(error), { kind: "error" });
  }
}

/** Buttons below the reason. */
export function Mend() {
  const video = view.openVideo.value;
  const [asked, setAsked] = useState(false);
  useEffect(() => void session.loadProject().catch(() => undefined), [video?.id]); // gone meanwhile?
  const found = video?.found ?? true;
  const before = useRef(found);
  useEffect(() => {
    if (found && !before.current) desk.tools.peek()?.easel.watch.retry();
    before.current = found;
  }, [found]);
  if (video === undefined || !session.mayEdit.value) return null;
  if (!video.found)
    return (
      <button class="main" type="button" data-test="relink-open" onClick={() => relink(video.id)}>
        Say where the file is …
      </button>
    );
  const { loaded, row } = desk.rows.value;
  const marked = row?.flag === BAD;
  return (
    <>
      {!marked && (
        <button
          type="button"
          data-test="mark-bad"
          disabled={!loaded}
          title="This frame is neither suggested nor trained"
          onClick={bad}
        >
          Mark bad
        </button>
      )}
      <button
        type="button"
        data-test="repair"
        disabled={asked}
        title="Write a copy of the film with the same frames; those that cannot be read are grey"
        onClick={() => {
          setAsked(true);
          void repair(video.id).finally(() => setAsked(false));
        }}
      >
        Repair copy
      </button>
    </>
  );
}
