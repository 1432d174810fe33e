"""Moving trajectories for a page: every label in a tile of one canvas, played in any browser.

In 3D all tiles turn together under the mouse. Plain JavaScript, nothing from a network; without
scripts the still picture of the page says the same.
"""

import json

import numpy as np

from gambol.viz.figures_trajectories import Moves
from gambol.viz.html import Markup, el, join

STYLE = """
.moves { border: 1px solid var(--line); border-radius: 8px; overflow: hidden; margin: 1rem 0; }
.moves canvas { display: block; width: 100%; touch-action: pan-y; }
.moves div { display: flex; flex-wrap: wrap; gap: .5rem .8rem; align-items: center;
  padding: .5rem .8rem; border-top: 1px solid var(--line); background: var(--wash);
  font-size: .86rem; }
.moves input { flex: 1 1 10rem; accent-color: var(--accent); }
.moves button, .moves select { font: inherit; color: var(--ink); background: var(--paper);
  border: 1px solid var(--line); border-radius: 5px; padding: .2rem .6rem; cursor: pointer; }
.moves output { font-variant-numeric: tabular-nums; min-width: 8rem; }
.still { display: none; }
@media (scripting: none) { .moves, .scripted { display: none; } .still { display: block; } }
"""

SCRIPT = r"""
"use strict";
document.querySelectorAll(".moves").forEach(root => {
  const data = JSON.parse(root.querySelector("script").textContent);
  const canvas = root.querySelector("canvas"), ctx = canvas.getContext("2d");
  const button = root.querySelector("button"), slider = root.querySelector("input");
  const speed = root.querySelector("select"), out = root.querySelector("output");
  const K = data.names.length, W = data.lag.length, deep = data.space === 3;
  const ease = matchMedia("(prefers-reduced-motion: reduce)").matches;
  let turn = deep ? -0.6 : 0, tilt = deep ? 0.45 : Math.PI / 2;
  let w = data.onset, playing = !ease, clock = data.lag[w], last = 0, held = null, seen = true;
  slider.max = W - 1;
  function flat(p) {
    const x = Math.cos(turn) * p[0] - Math.sin(turn) * p[1];
    const y = Math.sin(turn) * p[0] + Math.cos(turn) * p[1];
    const z = deep ? p[2] : 0;
    return [x, -(Math.sin(tilt) * y + Math.cos(tilt) * z)];
  }
  function draw() {
    const ratio = devicePixelRatio || 1, wide = root.clientWidth;
    const columns = Math.max(2, Math.min(K, Math.round(wide / 210)));
    const size = wide / columns, shape = data.reach[1] / data.reach[0];
    const high = Math.max(0.45, Math.min(1, shape)) * size + 26, rows = Math.ceil(K / columns);
    if (canvas.width !== Math.round(wide * ratio)
        || canvas.height !== Math.round(rows * high * ratio)) {
      canvas.width = Math.round(wide * ratio); canvas.height = Math.round(rows * high * ratio);
      canvas.style.height = rows * high + "px";
    }
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, wide, rows * high);
    ctx.lineCap = "round";
    const ink = getComputedStyle(document.body).color, begun = data.lag[w] >= -1e-9;
    for (let k = 0; k < K; k++) {
      const left = (k % columns) * size, top = Math.floor(k / columns) * high;
      ctx.font = "600 13px system-ui, sans-serif";
      ctx.fillStyle = data.colours[k]; ctx.fillRect(left + 8, top + 9, 9, 9);
      ctx.fillStyle = ink; ctx.fillText(data.names[k], left + 22, top + 18, size - 30);
      ctx.save(); ctx.beginPath(); ctx.rect(left, top + 24, size, high - 24); ctx.clip();
      const scale = 0.92 * Math.min(size / data.reach[0], (high - 26) / data.reach[1]);
      const middle = data.middle[k];
      const at = p => { if (!p) return null; const q = flat(p.map((v, c) => v - middle[c]));
        return [left + size / 2 + scale * q[0], top + 24 + (high - 24) / 2 + scale * q[1]]; };
      const colour = begun ? data.colours[k] : "#8a8f98";
      for (let j = 0; j < data.joints; j++) {
        for (let t = 1; t <= w; t++) {
          const a = at(data.xyz[k][t - 1][j]), b = at(data.xyz[k][t][j]);
          if (a && b) line(a, b, colour, 0.45 * t / w, 1);
        }
      }
      const now = data.xyz[k][w].map(at);
      for (const [a, b] of data.bones)
        if (now[a] && now[b]) line(now[a], now[b], colour, 1, 2);
      ctx.globalAlpha = 1; ctx.fillStyle = colour;
      for (const p of now) if (p) {
        ctx.beginPath(); ctx.arc(p[0], p[1], data.bones.length ? 1.9 : 3, 0, 7); ctx.fill();
      }
      ctx.restore();
    }
    ctx.globalAlpha = 1;
    slider.value = w;
    out.textContent = (data.lag[w] < 0 ? "" : "+") + data.lag[w].toFixed(2) + " s from onset";
    button.textContent = playing ? "Pause" : "Play";
  }
  function line(a, b, colour, alpha, width) {
    ctx.globalAlpha = alpha; ctx.strokeStyle = colour; ctx.lineWidth = width;
    ctx.beginPath(); ctx.moveTo(a[0], a[1]); ctx.lineTo(b[0], b[1]); ctx.stroke();
  }
  function step(now) {
    const dt = Math.min(0.1, (now - last) / 1000); last = now;
    if (playing && seen && !document.hidden) {
      clock += dt * parseFloat(speed.value);
      const rest = 0.5 * parseFloat(speed.value);
      if (clock > data.lag[W - 1] + rest) clock = data.lag[0];
      let next = data.lag.findIndex(v => v > clock);
      next = next < 0 ? W - 1 : Math.max(0, next - 1);
      if (next !== w) { w = next; draw(); }
    }
    requestAnimationFrame(step);
  }
  button.onclick = () => { playing = !playing; draw(); };
  slider.oninput = () => { playing = false; w = +slider.value; clock = data.lag[w]; draw(); };
  if (deep) {
    canvas.style.cursor = "grab";
    canvas.onpointerdown = e => { held = [e.clientX, e.clientY];
      canvas.setPointerCapture(e.pointerId); };
    canvas.onpointerup = () => { held = null; };
    canvas.onpointermove = e => {
      if (!held) return;
      turn += (e.clientX - held[0]) / 120;
      tilt = Math.max(-0.2, Math.min(Math.PI / 2, tilt + (e.clientY - held[1]) / 150));
      held = [e.clientX, e.clientY]; draw();
    };
  }
  new IntersectionObserver(list => { seen = list[0].isIntersecting; }).observe(canvas);
  addEventListener("resize", draw);
  draw(); requestAnimationFrame(step);
});
"""

_STILL = (
    "This page is shown without scripts, so nothing moves here; open its file in a browser to "
    "play the movements."
)


def player(moves: Moves) -> Markup:
    """Return the canvas with its data, and a sentence in its place where no script runs.

    A page with any needs `support` once; what it says of turning has the class `scripted`.

    Args:
        moves: median movements of labels.
    """
    sign = -1.0 if moves.downwards else 1.0
    xyz = moves.median.copy()
    xyz[..., 1] *= sign
    flat = xyz.reshape(len(xyz), -1, xyz.shape[-1])
    seen = np.isfinite(flat).all(axis=2)
    low = np.where(seen[..., None], flat, np.inf).min(axis=1)
    high = np.where(seen[..., None], flat, -np.inf).max(axis=1)
    known = np.isfinite(low) & np.isfinite(high)
    middle = np.where(known, (low + high) / 2, 0.0)
    reach = np.where(known, high - low, 0.0).max(axis=0, initial=1e-9)
    if xyz.shape[-1] == 3:  # it can be turned
        reach = reach[:2].max() * np.array([1.0, 0.75])
    values = {
        "names": moves.names,
        "colours": moves.colours,
        "lag": [round(float(lag), 4) for lag in moves.lag_s],
        "onset": int(np.searchsorted(moves.lag_s, -1e-9)),
        "space": xyz.shape[-1],
        "joints": xyz.shape[2],
        "bones": moves.skeleton.drawn,
        "middle": middle.round(2).tolist(),
        "reach": reach.tolist(),
        "xyz": [
            [[None if np.isnan(p).any() else p.round(2).tolist() for p in pose] for pose in own]
            for own in xyz
        ],
    }
    text = json.dumps(values, separators=(",", ":")).replace("<", "\\u003c")
    speeds = ("0.1", "0.25", "0.5", "1")
    chosen = [
        el("option", f"{v} × speed", value=v, **({"selected": ""} if v == "0.25" else {}))
        for v in speeds
    ]
    bar = el(
        "div",
        el("button", "Pause", type="button"),
        Markup('<input type="range" min="0" value="0" aria-label="moment">'),
        el("select", *chosen, title="speed"),
        el("output", ""),
    )
    moving = el(
        "div", Markup("<canvas></canvas>"), bar,
        el("script", Markup(text), type="application/json"), class_="moves",
    )  # fmt: skip
    return join([moving, el("p", _STILL, class_="still soft")])


def support() -> Markup:
    """Return style and script, to stand once at the end of a page with players."""
    return Markup(f"<style>{STYLE}</style>\n<script>{SCRIPT}</script>")
