// How 3D comes about: cameras, which film is which view, offsets on the clock, triangulation.
import { useEffect } from "preact/hooks";
import { hint, run as act } from "../../keys";
import { goesOn, percent } from "../../store/jobs";
import { besideFile } from "../../store/reports";
import * as session from "../../store/session";
import type { Job } from "../../types.gen";
import { ReportLink } from "../../widgets/report";
import { CalibrateDialog, ImportDialog } from "./bring";
import * as desk from "./desk";
import * as prepare from "./prepare";
import { cameraColour } from "./scene";
import { Settings } from "./settings";

/** The panel; on a project without 3D poses the whole screen. */
export function Setup() {
  return (
    <div class="column grow space-setup" data-test="setup">
      <Cameras />
      <Views />
      <Solve />
    </div>
  );
}

/** The dialogs, wherever the panel is. */
export function Dialogs() {
  const which = prepare.asking.value;
  if (which === "import") return <ImportDialog />;
  return which === "calibrate" ? <CalibrateDialog /> : null;
}

function Cameras() {
  const all = desk.space.value?.rigs ?? [];
  const rig = prepare.rig.value;
  const may = session.mayEdit.value;
  return (
    <section aria-label="Cameras">
      <h3>1 Cameras</h3>
      {rig === null ? (
        <p class="muted">No calibration yet: bring one from another program, or film a board with all cameras.</p>
      ) : (
        <select aria-label="Calibration" value={rig.rig} onChange={(event) => prepare.chooseRig(event.currentTarget.value)} data-test="rig">
          {all.filter((one) => one.trouble === null).map((one) => (
            <option key={one.rig} value={one.rig}>
              {one.title} ({one.cameras.length})
            </option>
          ))}
        </select>
      )}
      {all.filter((one) => one.trouble !== null).map((one) => (
        <p key={one.rig} class="bad">{one.trouble}</p>
      ))}
      <div class="row">
        <button disabled={!may} title={hint("rig.import")} onClick={() => act("rig.import")} data-test="rig-import">Import …</button>
        <button disabled={!may} title={hint("rig.calibrate")} onClick={() => act("rig.calibrate")} data-test="rig-calibrate">Calibrate …</button>
        {rig !== null && <ReportLink place={besideFile(rig.title)} what="How well the cameras are calibrated" />}
      </div>
      <Progress stage="calibrate" />
    </section>
  );
}

function Views() {
  const films = [...prepare.films.value];
  if (films.length === 0) return null;
  return (
    <section aria-label="Views">
      <h3>2 Views on one clock</h3>
      <table>
        <thead>
          <tr><th>camera</th><th>film</th><th title="Frames by which the film is late; + is late">offset</th></tr>
        </thead>
        <tbody>
          {films.map(([camera, video]) => (
            <tr key={camera}>
              <td><span class="dot" style={{ background: cameraColour(camera) }} /> {camera}</td>
              <td>
                <select aria-label={`Film of ${camera}`} value={video} disabled={!session.mayEdit.value} onChange={(event) => prepare.chooseFilm(camera, Number(event.currentTarget.value))} data-test={`film-${camera}`}>
                  <option value={0}>none</option>
                  {session.videos.value.map(({ id, name }) => (
                    <option key={id} value={id}>{name}</option>
                  ))}
                </select>
              </td>
              <td>{video > 0 && <Offset camera={camera} video={video} />}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <div class="row">
        <button disabled={prepare.hindrance.value !== null} title={hint("synchronize")} onClick={() => act("synchronize")} data-test="synchronize">
          Find offsets
        </button>
        <span class="muted">or , and . in a view</span>
      </div>
      <Progress stage="synchronize" />
      <Taken />
      <Settings stage="synchronize" />
    </section>
  );
}

function Offset({ camera, video }: { camera: string; video: number }) {
  const now = prepare.clockOf(video);
  const fps = desk.run.value?.fps || session.video(video)?.fps || 0;
  const gaps = now.drops?.length ? `, lost ${now.drops.length}×` : "";
  const drift = now.drift ? `, drifts ${(now.drift * 1e4).toFixed(2)} in 10,000` : "";
  const said = `${fps > 0 ? `${(now.lag / fps).toFixed(3)} s` : ""}${drift}${gaps}`;
  return (
    <input
      class="number"
      type="number"
      step="any"
      aria-label={`Offset of ${camera}, frames`}
      title={said}
      value={Number(now.lag.toFixed(2))}
      disabled={!session.mayEdit.value}
      data-test={`offset-${camera}`}
      onChange={({ currentTarget: field }) => {
        const lag = Number(field.value);
        if (field.value.trim() === "" || !Number.isFinite(lag)) field.value = String(now.lag);
        else void prepare.setClocks([{ ...now, lag }]);
      }}
    />
  );
}

/** What a synchronization found, to be taken over. */
export function Taken() {
  const job = prepare.jobOf("synchronize");
  const found = job?.state === "done" ? prepare.clocksOf(job.result) : [];
  if (job === null || found.length === 0) return null;
  const close = (a: number, b: number): boolean => Math.abs(a - b) < 1e-3;
  const there = found.every((one) => close(prepare.clockOf(one.video).lag, one.lag));
  return (
    <div class="row">
      <span class="muted">
        {job.id} found {found.map((one) => `${one.lag >= 0 ? "+" : "−"}${Math.abs(one.lag).toFixed(2)}`).join(", ")}
      </span>
      {there ? (
        <span class="good">✓ taken</span>
      ) : (
        <button disabled={!session.mayEdit.value} onClick={() => void prepare.setClocks(found, job.id)} data-test="take-offsets">Take these</button>
      )}
    </div>
  );
}

function Solve() {
  if (prepare.rig.value === null) return null;
  const why = prepare.hindrance.value;
  const stale = desk.run.value?.views.some((one) => one.stale) ?? false;
  return (
    <section aria-label="Triangulate">
      <h3>3 Triangulate</h3>
      {stale && <p class="warn-text" data-test="stale">▲ Offsets were changed since these 3D poses were made.</p>}
      {why !== null && <p class="muted">{why}</p>}
      <div class="row">
        <button class={stale || desk.run.value === null ? "main" : ""} disabled={why !== null} title={hint("triangulate")} onClick={() => act("triangulate")} data-test="triangulate">
          {desk.run.value === null ? "Triangulate" : "Triangulate again"}
        </button>
      </div>
      <Progress stage="triangulate" />
      <Settings stage="triangulate" />
    </section>
  );
}

const number = (value: unknown): string => (typeof value === "number" ? value.toFixed(2) : "–");

/** What a finished job found, in a line. */
function outcome({ stage, result }: Job): string {
  if (result === null) return "";
  if (stage === "triangulate") return `median error ${number(result["reprojection_px"])} px`;
  if (stage !== "calibrate") return "";
  const fits = Object.entries((result["rms_px"] ?? {}) as Record<string, number>);
  const flagged = ((result["findings"] ?? []) as string[]).map((text) => `▲ ${text}`).join(" ");
  return `median ${number(result["median_px"])} px; ${fits.map(([name, rms]) => `${name} ${number(rms)}`).join(", ")} ${flagged}`;
}

/** How far the newest job of a stage is, or how it ended. */
function Progress({ stage }: { stage: prepare.Stage }) {
  const job = prepare.jobOf(stage);
  const refused = prepare.refused.value?.stage === stage ? prepare.refused.value.text : null;
  useEffect(() => () => void (prepare.refused.value = null), []);
  if (refused !== null) return <p class="bad" role="alert" data-test={`refused-${stage}`}>{refused}</p>;
  if (job === null) return null;
  if (goesOn(job))
    return (
      <div class="row" role="status" data-test={`runs-${stage}`}>
        <progress class="progress grow" max={100} value={percent(job) ?? undefined} aria-label={job.title} />
        <span class="muted">{job.state === "queued" ? "waits" : job.item}</span>
      </div>
    );
  if (job.state === "failed" || job.state === "lost")
    return (
      <p class="bad" role="alert" data-test={`failed-${stage}`}>
        {job.problem?.message ?? `${job.title} ${job.state}`} {job.problem?.hint}
      </p>
    );
  const said = outcome(job);
  return job.state === "done" && said !== "" ? <p class="muted" data-test={`done-${stage}`}>{said}</p> : null;
}
