// Taking labels out: first what the format cannot hold, then the file.
import { useEffect, useRef, useState } from "preact/hooks";
import { post, sentence, url } from "../api";
import { closeDialog } from "../store/dialogs";
import { drained } from "../store/outbox";
import { count } from "../store/words";
import type { Transfer, Transferred } from "../types.gen";
import { Dialog } from "./dialog";

const FORMATS = [
  ["slp", "SLEAP (.slp)"],
  ["dlc", "DeepLabCut project"],
  ["coco", "COCO keypoints"],
  ["csv", "Table (.csv)"],
  ["nwb", "NWB"],
] as const;

async function ask(format: string, dry: boolean): Promise<Transferred> {
  await drained();
  const body: Transfer = { file: null, format, dry };
  return post<Transferred>("export", body);
}

function Said({ said, made }: { said: Transferred; made: boolean }) {
  return (
    <div class="column" data-test="export-said" aria-live="polite">
      <p>
        {count(said.animals, "animal")} in {count(said.frames, "frame")}.
      </p>
      {said.changes.map((text) => (
        <p key={text}>{text}</p>
      ))}
      {said.lost.length > 0 && (
        <ul class="bad" aria-label="What this format cannot hold">
          {said.lost.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      )}
      {made && said.path && <p>Written to {said.path}.</p>}
      {made && said.download && (
        <a class="button" href={url(said.download.replace(/^\/?api\//, ""))} download>
          Download
        </a>
      )}
    </div>
  );
}

/** The dialog. */
export function Export() {
  const [format, setFormat] = useState<string>("slp");
  const [said, setSaid] = useState<Transferred | null>(null);
  const [made, setMade] = useState(false);
  const [trouble, setTrouble] = useState("");
  const asked = useRef(0); // an answer to an older question is not shown
  const go = async (format: string, dry: boolean): Promise<void> => {
    const mine = ++asked.current;
    setTrouble("");
    try {
      const answer = await ask(format, dry);
      if (mine !== asked.current) return;
      setSaid(answer);
      setMade(!dry);
    } catch (error) {
      if (mine !== asked.current) return;
      setSaid(null);
      setTrouble(sentence(error));
    }
  };
  const choose = (format: string): void => {
    setFormat(format);
    void go(format, true);
  };
  useEffect(() => void go(format, true), []);
  const footer = (
    <button class="main" disabled={said === null} data-test="export-go" onClick={() => void go(format, false)}>
      Export
    </button>
  );
  return (
    <Dialog title="Export labels" onClose={closeDialog} footer={footer} test="export">
      <div class="column">
        <label>
          Format
          <select
            data-first
            value={format}
            data-test="export-format"
            onChange={(event) => choose(event.currentTarget.value)}
          >
            {FORMATS.map(([id, title]) => (
              <option key={id} value={id}>
                {title}
              </option>
            ))}
          </select>
        </label>
        {said && <Said said={said} made={made} />}
        {trouble !== "" && (
          <p class="bad" role="alert">
            {trouble}
          </p>
        )}
      </div>
    </Dialog>
  );
}
