// A video that has moved: choose the file where it is now, then the job goes on.
import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { post, sentence } from "../../api";
import { jobs, startJob } from "../../store/jobs";
import * as session from "../../store/session";
import type { Added, VideoChange } from "../../types.gen";
import { Dialog } from "../../widgets/dialog";
import { ServerFiles, selection } from "../../widgets/picker";

/** Job that waits for its video; null: none. */
export const relinking = signal<string | null>(null);

const close = (): void => void (relinking.value = null);

async function relink(video: number, file: string): Promise<void> {
  const body: VideoChange = { file };
  await post<Added>(`videos/${video}`, body, { method: "PATCH" });
  await session.loadProject();
}

/** The dialog. */
export function Relink() {
  const [chosen] = useState(selection);
  const lost = session.videos.value.filter((one) => !one.found);
  const all = lost.length > 0 ? lost : session.videos.value;
  const [which, setWhich] = useState<number | null>(null);
  const [trouble, setTrouble] = useState("");
  if (relinking.value === null) return null;
  const file = chosen.value.at(-1);
  const video = all.find(({ id }) => id === which) ?? all[0];
  const go = async (): Promise<void> => {
    const job = jobs.peek().find(({ id }) => id === relinking.peek());
    try {
      await relink(video!.id, file!.id!);
      if (job !== undefined) await startJob(job.stage, { ...job.config }, { ...job.inputs });
      close();
    } catch (error) {
      setTrouble(sentence(error));
    }
  };
  const footer = (
    <button class="main" disabled={!file?.id || video === undefined} data-test="relink-go" onClick={() => void go()}>
      This is it: start again
    </button>
  );
  return (
    <Dialog title="Find the video" onClose={close} footer={footer} test="relink">
      <div class="column">
        <label>
          Video
          <select value={video?.id} onChange={(event) => setWhich(Number(event.currentTarget.value))}>
            {all.map(({ id, name, path }) => (
              <option key={id} value={id} title={path}>
                {name}
              </option>
            ))}
          </select>
        </label>
        {video && <p class="muted">It was at {video.path}.</p>}
        <ServerFiles chosen={chosen} />
        {trouble !== "" && (
          <p class="bad" role="alert">
            {trouble}
          </p>
        )}
      </div>
    </Dialog>
  );
}
