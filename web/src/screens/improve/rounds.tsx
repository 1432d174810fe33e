// The table of rounds: what every training had, took and reached, and what correcting cost.
import type { Round } from "../../types.gen";
import { clock, px } from "./curves";
import * as desk from "./desk";

/** A count with one decimal where it says something. */
export function few(value: number | null | undefined): string {
  if (value == null) return "–";
  return value >= 20 ? value.toFixed(0) : value.toFixed(1);
}

function Line({ round }: { round: Round }) {
  const chosen = desk.watched.value?.id === round.run;
  const look = (): void => void (desk.looked.value = round.run);
  return (
    <tr class={chosen ? "chosen" : ""} data-test="round" data-run={round.run}>
      <td>
        <button class="plain" title={`Show the training of round ${round.number}`} aria-pressed={chosen} onClick={look}>
          {round.number}
        </button>
      </td>
      <td>{round.labels}</td>
      <td>{clock(60 * round.minutes)}</td>
      <td>{px(round.p50_px)}</td>
      <td>{px(round.p95_px)}</td>
      <td>{few(round.fixes_per_frame)}</td>
      <td>{few(round.seconds_per_frame)}</td>
    </tr>
  );
}

/** The table; it grows with every training. */
export function Rounds() {
  const rounds = desk.shown.value;
  if (rounds.length === 0) return null;
  return (
    <table class="plain number rounds" data-test="rounds">
      <thead>
        <tr>
          <th scope="col">round</th>
          <th scope="col" title="Frames that it learned from; a part is held out and judges">labels</th>
          <th scope="col" title="Of training, minutes and seconds">time</th>
          <th scope="col" title="Held-out error: half of all keypoints are nearer">p50 px</th>
          <th scope="col" title="Held-out error: 95 % of all keypoints are nearer">p95 px</th>
          <th scope="col" title="Points that people moved in predicted frames">fixes/frame</th>
          <th scope="col" title="Median time from one accepted frame to the next">s/frame</th>
        </tr>
      </thead>
      <tbody>
        {rounds.map((round) => (
          <Line key={round.run} round={round} />
        ))}
      </tbody>
    </table>
  );
}
