// A full disk: which runs take how much; they are deleted one by one, then the job goes on.
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api";
import { dropJob, goesOn, jobs, tellJob } from "../../store/jobs";
import { size } from "../../store/words";
import type { Disk } from "../../types.gen";
import { Dialog } from "../../widgets/dialog";
import { deleteRun, emptyTrash, getDisk } from "./wire";

/** Job that waits for space; null: none. */
export const freeing = signal<string | null>(null);

const close = (): void => void (freeing.value = null);

function Inside({ waits }: { waits: string }) {
  const [disk, setDisk] = useState<Disk | null>(null);
  const [trouble, setTrouble] = useState("");
  const attempt = (deed: () => Promise<Disk>): void => {
    deed().then(
      (now) => {
        setDisk(now);
        setTrouble("");
      },
      (error: unknown) => setTrouble(sentence(error)),
    );
  };
  useEffect(() => attempt(getDisk), []);
  const remove = async (id: string): Promise<Disk> => {
    await deleteRun(id);
    dropJob(id);
    return getDisk();
  };
  const ended = (disk?.runs ?? []).filter(({ id }) => {
    const job = jobs.value.find((one) => one.id === id);
    return id !== waits && job !== undefined && !goesOn(job);
  });
  const go = (): void => {
    tellJob(waits, "resume").then(close, (error: unknown) => setTrouble(sentence(error)));
  };
  const footer = (
    <button class="main" data-test="room-resume" onClick={go}>
      Resume {waits}
    </button>
  );
  return (
    <Dialog title="Free disk space" onClose={close} footer={footer} test="room">
      <div class="column">
        {disk !== null && (
          <p data-test="room-free">
            {size(disk.free)} of {size(disk.total)} are free.
          </p>
        )}
        <ul class="jobs" data-test="room-runs">
          {ended.map(({ id, bytes }) => (
            <li key={id} class="row">
              <span class="grow">{id}</span>
              <span class="number muted">{size(bytes)}</span>
              <button title={`Delete what ${id} wrote; it stays in the trash for 30 days`} onClick={() => attempt(() => remove(id))}>
                delete
              </button>
            </li>
          ))}
        </ul>
        {disk !== null && (
          <p class="row">
            <span class="grow">Deleted runs in the trash</span>
            <span class="number muted">{size(disk.trash)}</span>
            <button
              disabled={disk.trash === 0}
              title="Remove them for good; this cannot be undone"
              data-test="room-empty"
              onClick={() => attempt(emptyTrash)}
            >
              empty
            </button>
          </p>
        )}
        {trouble !== "" && (
          <p class="bad" role="alert">
            {trouble}
          </p>
        )}
      </div>
    </Dialog>
  );
}

/** The dialog. */
export function Room() {
  return freeing.value === null ? null : <Inside waits={freeing.value} />;
}
