// Beside the views: the worst points, and the health of cameras.
import { hint, run as act } from "../../keys";
import { besideFile } from "../../store/reports";
import type { Health, Worst } from "../../types.gen";
import { Elided } from "../../widgets/elided";
import { List } from "../../widgets/list";
import { Panel } from "../../widgets/panel";
import { ReportLink } from "../../widgets/report";
import { nextScale } from "./deeds";
import * as desk from "./desk";
import { LEFT_OUT } from "./packed";
import { cameraColour, colourOf } from "./scene";
import { Setup } from "./setup";

/** Worst points and camera health. */
export function Side() {
  const queue = desk.queue.value;
  const worst = queue === null ? "Worst points" : `Worst points ${queue.open}`;
  const title = { worst, health: "Cameras", setup: "Set-up" }[desk.tab.value];
  return (
    <Panel name="space.side" title={title} side="right" size={272}>
      <div class="column space-side">
        <div class="row space-tabs" role="tablist" aria-label="Beside the views">
          {(["worst", "health", "setup"] as const).map((one) => (
            <button key={one} role="tab" aria-selected={desk.tab.value === one} onClick={() => (desk.tab.value = one)} data-test={`space-tab-${one}`}>
              {{ worst: "Worst", health: "Cameras", setup: "Set-up" }[one]}
            </button>
          ))}
        </div>
        {desk.tab.value === "worst" ? <Queue /> : desk.tab.value === "health" ? <HealthOf /> : <Setup />}
        {desk.tab.value !== "setup" && <Point />}
      </div>
    </Panel>
  );
}

function Queue() {
  const entries = desk.queue.value?.entries ?? [];
  return (
    <div class="grow" data-test="worst">
      {desk.queue.value !== null && entries.length === 0 && <p class="muted pad">No error is over its camera’s p95.</p>}
      <List items={entries} height={28} label="Worst points" selected={desk.place.value} name={(one) => `${one.frame} ${one.animal} ${one.keypoint} ${one.camera}`} onPick={desk.seek} test="worst-list">
        {(one) => <Row one={one} />}
      </List>
    </div>
  );
}

function Row({ one }: { one: Worst }) {
  const now = desk.run.value;
  return (
    <span class={`row worst number ${one.accepted ? "muted" : ""}`} title={`${one.ratio.toFixed(1)} times the p95 of ${one.camera}`}>
      <span class="place">f{one.frame}</span>
      <span class="what">
        <Elided name={now?.keypoints[one.keypoint] ?? ""} />
      </span>
      <span class="dot" style={{ background: cameraColour(one.camera) }} />
      <span class="where">{one.camera}</span>
      <span class="error" style={{ color: one.accepted ? undefined : `light-dark(var(--ink), ${colourOf(one.ratio, 1)})` }}>
        {one.accepted ? "✓" : one.error.toFixed(1)}
      </span>
    </span>
  );
}

/** The chosen point in words and numbers, with its buttons. */
function Point() {
  const [of, which, now] = [desk.point.value, desk.chosen.value, desk.run.value];
  const tools = (
    <div class="row">
      <button title={hint("epipolar")} onClick={() => act("epipolar")} data-test="lines">
        lines: {desk.lines.value}
      </button>
      <button title="Length of the error arrows" onClick={nextScale} data-test="arrows">
        errors ×{desk.scale.value}
      </button>
    </div>
  );
  if (of === null || which === null || now === null)
    return (
      <div class="column space-point">
        {tools}
        <p class="muted">Click a keypoint in any view or in 3D. J, K: the worst ones.</p>
      </div>
    );
  const unit = now.units === "unknown" ? "" : ` ${now.units}`;
  return (
    <div class="column space-point" data-test="space-point">
      {tools}
      <div class="row">
        <strong>{now.keypoints[which.keypoint]}</strong>
        {now.individuals.length > 1 && <span>{now.individuals[which.animal]}</span>}
        {of.accepted && <span class="good">✓ accepted</span>}
        <span class="grow" />
        {of.sd !== null && <span class="muted number">± {of.sd.toPrecision(2)}{unit}</span>}
      </div>
      <table class="number">
        <tbody>
          {now.views.map(({ camera }, v) => {
            const one = of.views[v]!;
            const state = one.state === LEFT_OUT ? "left out" : one.state === 2 ? "moved" : one.at === null ? "not seen" : (one.outlier ?? 0) > 0.5 ? "outlier" : "";
            return (
              <tr key={camera} class={desk.camera.value === camera ? "touched" : ""} data-test={`said-${camera}`}>
                <td>
                  <button class="plain" onClick={() => (desk.camera.value = camera)} title="The view that X and V are about" aria-pressed={desk.camera.value === camera}>
                    <span class="dot" style={{ background: cameraColour(camera) }} /> {camera}
                  </button>
                </td>
                <td>{state}</td>
                <td>{one.residual === null ? "–" : `${one.residual.toFixed(2)} px`}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      <div class="row">
        <button title={hint("view.leave")} onClick={() => act("view.leave")} data-test="leave">Leave out</button>
        <button title={hint("view.bring")} onClick={() => act("view.bring")} data-test="bring">Bring back</button>
        <button class="main" title={hint("accept")} onClick={() => act("accept")} data-test="accept">Accept</button>
        <button title={hint("accept.labels")} onClick={() => act("accept.labels")} data-test="accept-labels">+ labels</button>
      </div>
    </div>
  );
}

const px = (value: number | null): string => (value === null ? "–" : value.toFixed(2));
const percent = (value: number): string => `${Math.round(value * 100)} %`;

function HealthOf() {
  const told: Health | null = desk.health.value;
  if (told === null) return <p class="muted pad grow" aria-busy="true">looking at the cameras …</p>;
  const most = Math.max(...told.cameras.map((one) => one.rms ?? 0), 0.01);
  const unit = told.units === "unknown" ? "" : ` ${told.units}`;
  return (
    <div class="grow space-health" tabIndex={0} role="region" aria-label="Health of the cameras" data-test="health">
      {told.findings.length === 0 ? (
        <p class="good pad">● nothing is wrong with the cameras by themselves</p>
      ) : (
        told.findings.map((one) => (
          <p key={one.sentence} class="bad pad" role="alert">
            ▲ {one.sentence}
          </p>
        ))
      )}
      {desk.run.value && <ReportLink place={besideFile(desk.run.value.title)} what="How good these 3D poses are" />}
      <table class="number">
        <caption class="muted">errors by camera, px, of {told.frames} moments</caption>
        <thead>
          <tr><th>camera</th><th>rms</th><th>p95</th><th title="share of an 8 × 8 grid over the image in which it saw points">cover</th><th title="share of its observations that are outliers">out</th></tr>
        </thead>
        <tbody>
          {told.cameras.map((one) => (
            <tr key={one.camera}>
              <td>{one.camera}</td>
              <td><span class="bar-of" style={{ width: `${(16 * (one.rms ?? 0)) / most}px` }} /> {px(one.rms)}</td>
              <td>{px(one.p95)}</td>
              <td>{percent(one.coverage)}</td>
              <td>{percent(one.left_out)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <table class="number">
        <caption class="muted">by pair: distance from one another’s lines</caption>
        <thead>
          <tr><th>pair</th><th>rms</th><th>baseline</th><th>angle</th></tr>
        </thead>
        <tbody>
          {told.pairs.map(({ cameras, rms, baseline, angle }) => (
            <tr key={cameras.join()}>
              <td>{cameras.join(" – ")}</td>
              <td>{px(rms)}</td>
              <td>{baseline === null ? "∞" : `${baseline >= 100 ? Math.round(baseline) : baseline.toPrecision(3)}${unit}`}</td>
              <td>{Math.round(angle)}°</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
