"""The script and the style of the interactive 3D scene: plain JavaScript on a canvas.

No library and nothing from a network. `scene3d` puts this text and the data into a page; the
script finds every element of the class `scene3d` and draws its data into its canvas. The
projection is that of `orbit`.
"""

STYLE = """
.scene3d { position: relative; border: 1px solid var(--line); border-radius: 8px;
  background: var(--paper); overflow: hidden; margin: 1rem 0; }
.scene3d canvas { display: block; width: 100%; height: 28rem; touch-action: none;
  cursor: grab; outline-offset: -3px; }
.scene3d canvas:active { cursor: grabbing; }
.scene3d .bar { display: flex; flex-wrap: wrap; gap: .5rem .8rem; align-items: center;
  padding: .55rem .8rem; border-top: 1px solid var(--line); background: var(--wash);
  font-size: .86rem; }
.scene3d .bar input[type=range] { flex: 1 1 12rem; min-width: 8rem;
  accent-color: var(--accent); }
.scene3d button, .scene3d select { font: inherit; color: var(--ink); background: var(--paper);
  border: 1px solid var(--line); border-radius: 5px; padding: .2rem .6rem; cursor: pointer; }
.scene3d button { min-width: 4.2rem; }
.scene3d output { font-variant-numeric: tabular-nums; min-width: 11.5rem; }
.scene3d label { white-space: nowrap; cursor: pointer; }
.scene3d .tip { position: absolute; pointer-events: none; display: none; padding: .25rem .5rem;
  background: var(--ink); color: var(--paper); border-radius: 4px; font-size: .8rem;
  white-space: pre; font-variant-numeric: tabular-nums; }
.scene3d .keys { padding: 0 .8rem .6rem; margin: 0; background: var(--wash); max-width: none; }
body.whole main { max-width: none; padding: 1rem 1.2rem; height: 100vh; display: flex;
  flex-direction: column; }
body.whole .scene3d { flex: 1; display: flex; flex-direction: column; min-height: 24rem;
  margin: .6rem 0 0; }
body.whole .scene3d canvas { flex: 1 1 0; height: 0; min-height: 12rem; }
"""

SCRIPT = r"""
"use strict";
(function () {
function bytes(text) { return Uint8Array.from(atob(text), c => c.charCodeAt(0)); }
function mix(colour, paper, share) {
  return "rgb(" + colour.map((v, k) => Math.round(share * v + (1 - share) * paper[k])) + ")";
}
function rgb(hex) { return [1, 3, 5].map(k => parseInt(hex.slice(k, k + 2), 16)); }

function Scene(root) {
  const data = JSON.parse(root.querySelector("script").textContent);
  const canvas = root.querySelector("canvas"), ctx = canvas.getContext("2d");
  const part = name => root.querySelector("[data-part=" + name + "]");
  const T = data.frames, N = data.names.length, J = data.keypoints.length;
  const xyz = T ? new Int16Array(bytes(data.xyz).buffer) : [];
  const times = T ? new Float64Array(bytes(data.times).buffer) : [];
  const sure = data.confidence ? bytes(data.confidence) : null;
  const spread = data.sd ? new Uint16Array(bytes(data.sd).buffer) : null;
  const colours = data.colours.map(row => row.map(rgb));
  const start = { azimuth: data.azimuth, elevation: data.elevation, zoom: 1,
    pan: [0, 0, 0], perhaps: 0 };
  let view = Object.assign({}, start), t = 0, playing = false, clock = 0, last = 0;
  let dirty = true, width = 0, height = 0, paper = [255, 255, 255], ink = [0, 0, 0];
  let spots = [], dark = false;
  const on = { trail: T > 1, names: N > 1, cameras: data.camerasFirst, follow: false,
    spread: false, floor: true };

  function point(t, n, j) {
    const k = ((t * N + n) * J + j) * 3;
    if (xyz[k] === -32768) return null;
    return [0, 1, 2].map(c => data.offset[c] + data.scale * xyz[k + c]);
  }
  function middle(t) {
    const sum = [0, 0, 0]; let count = 0;
    for (let n = 0; n < N; n++) for (let j = 0; j < J; j++) {
      const p = point(t, n, j);
      if (p) { count++; for (let c = 0; c < 3; c++) sum[c] += p[c]; }
    }
    return count ? sum.map(v => v / count) : null;
  }
  const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2],
    a[0] * b[1] - a[1] * b[0]];
  const plus = (a, b, s) => [a[0] + s * b[0], a[1] + s * b[1], a[2] + s * b[2]];

  let eye = null, held = null;
  function aim() {
    const a = view.azimuth * Math.PI / 180, e = view.elevation * Math.PI / 180;
    const [first, second, up] = data.axes;
    const towards = plus(first.map(v => v * Math.cos(a)), second, Math.sin(a));
    const right = plus(second.map(v => v * Math.cos(a)), first, -Math.sin(a));
    const back = plus(towards.map(v => v * Math.cos(e)), up, Math.sin(e));
    const forward = back.map(v => -v), half = data.field / 2 * Math.PI / 180;
    let centre = data.centre, radius = data.radius;
    if (on.cameras && !on.follow) { centre = data.wideCentre; radius = data.wide; }
    if (on.follow && T) { held = middle(t) || held || centre; centre = held;
      radius = data.near; }
    centre = plus(centre, view.pan, 1);
    const far = radius / Math.sin(half) / view.zoom;
    eye = { at: plus(centre, forward, -far), axes: [right, cross(forward, right), forward],
      focal: Math.min(width, height) / 2 / Math.tan(half)
        * (on.cameras && !on.follow ? 1.1 : 1.3), near: 0.01 * far,
      centre, far, radius };
  }
  function camera(p) { const d = plus(p, eye.at, -1); return eye.axes.map(r => dot(r, d)); }
  function flat(c) {
    return [width / 2 + eye.focal * c[0] / c[2], height / 2 + eye.focal * c[1] / c[2], c[2]];
  }
  function see(p) { if (!p) return null; const c = camera(p);
    return c[2] > eye.near ? flat(c) : null; }
  function segment(p, q, colour, wide) {  // cut where it passes behind the eye
    let a = camera(p), b = camera(q);
    if (a[2] <= eye.near && b[2] <= eye.near) return;
    const cut = (u, v) => { const s = (eye.near - u[2]) / (v[2] - u[2]);
      return plus(u, plus(v, u, -1), s); };
    if (a[2] <= eye.near) a = cut(a, b); else if (b[2] <= eye.near) b = cut(b, a);
    stroke(flat(a), flat(b), colour, wide);
  }
  function stroke(a, b, colour, wide) {
    ctx.strokeStyle = colour; ctx.lineWidth = wide; ctx.beginPath();
    ctx.moveTo(a[0], a[1]); ctx.lineTo(b[0], b[1]); ctx.stroke();
  }
  function disc(at, radius, colour) {
    ctx.fillStyle = colour; ctx.beginPath(); ctx.arc(at[0], at[1], radius, 0, 7); ctx.fill();
  }
  function text(words, x, y, colour, align) {
    ctx.fillStyle = colour; ctx.textAlign = align || "center"; ctx.fillText(words, x, y);
  }

  function floor() {
    const colour = mix(ink, paper, 0.14);
    for (const line of data.floor) segment(line[0], line[1], colour, 1);
    const [first, second, up] = data.axes, size = data.radius * 0.22;
    [[first, "#d9751e"], [second, "#2f9e77"], [up, "#2f7fc1"]].forEach(([axis, hex], k) => {
      const end = plus(data.corner, axis, size), name = see(plus(end, axis, size * 0.2));
      segment(data.corner, end, hex, 2);
      if (name) text(k < 2 ? data.letters[k] : "up", name[0], name[1] + 4, hex);
    });
  }
  function cameras() {
    for (const one of data.cameras) {
      const colour = mix(rgb(one.colour), paper, dark ? 0.95 : 0.85);
      for (const line of one.lines) segment(line[0], line[1], colour, 1.5);
      const ends = one.lines.flat().map(see).filter(p => p);
      if (ends.length) text(one.name, ends.reduce((s, p) => s + p[0], 0) / ends.length,
        Math.min(...ends.map(p => p[1])) - 7, mix(ink, paper, 0.85));
    }
  }
  function dots() {
    for (const p of data.points) { const at = see(p);
      if (at) disc(at, 1.6, mix(ink, paper, 0.45)); }
  }
  function down(p) { const up = data.axes[2]; return plus(p, up, data.level - dot(p, up)); }
  function shadows() {
    const colour = dark ? "rgba(0,0,0,.42)" : "rgba(40,45,55,.17)";
    ctx.beginPath();
    for (let n = 0; n < N; n++) for (const [a, b] of data.bones) {
      const p = point(t, n, a), q = point(t, n, b);
      const u = p && see(down(p)), v = q && see(down(q));
      if (u && v) { ctx.moveTo(u[0], u[1]); ctx.lineTo(v[0], v[1]); }
    }
    ctx.strokeStyle = colour;
    ctx.lineWidth = Math.max(1, data.thick * 1.2 * eye.focal / eye.far); ctx.stroke();
  }
  function trails() {
    let first = t;
    while (first > 0 && times[t] - times[first - 1] <= data.trail) first--;
    const stride = Math.max(1, Math.floor((t - first) / 150));
    for (let n = 0; n < N; n++) {
      let before = null;
      for (let k = first; k <= t; k += stride) {
        const now = see(point(k, n, data.root));
        if (before && now) stroke(before, now, mix(colours[n][data.root], paper,
          0.1 + 0.65 * (k - first) / Math.max(1, t - first)), 2);
        before = now;
      }
    }
  }
  function bodies() {
    const things = []; spots = [];
    for (let n = 0; n < N; n++) {
      const at = data.keypoints.map((_, j) => see(point(t, n, j)));
      const opacity = j => sure ? 0.25 + 0.75 * sure[(t * N + n) * J + j] / 255 : 1;
      for (const [a, b] of data.bones) if (at[a] && at[b])
        things.push([Math.max(at[a][2], at[b][2]) * (1 + 1e-9), n, b, at[a], at[b],
          Math.min(opacity(a), opacity(b))]);
      at.forEach((p, j) => { if (p) { things.push([p[2], n, j, p, null, opacity(j)]);
        spots.push([p[0], p[1], n, j]); } });
      if (on.names) {
        const known = at.filter(p => p);
        if (known.length) text(data.names[n], known.reduce((s, p) => s + p[0], 0)
          / known.length, Math.min(...known.map(p => p[1])) - 12, mix(ink, paper, 0.9));
      }
    }
    things.sort((a, b) => b[0] - a[0]);
    const nearest = eye.far - eye.radius, own = mix(paper, paper, 1);
    for (const [depth, n, j, a, b, clear] of things) {
      const fog = 0.5 * Math.min(1, Math.max(0, (depth - nearest) / (2 * eye.radius)));
      const colour = mix(colours[n][j], paper, (1 - fog) * clear);
      const wide = Math.max(1.2, data.thick * eye.focal / depth);
      if (b) { stroke(a, b, own, wide + 2); stroke(a, b, colour, wide); continue; }
      if (on.spread && spread) {
        const sd = spread[(t * N + n) * J + j] * data.sdScale;
        ctx.globalAlpha = 0.22; disc(a, 2 * sd * eye.focal / depth, colour);
        ctx.globalAlpha = 1;
      }
      disc(a, wide + 1.2, own); disc(a, wide, colour);
    }
  }
  function draw() {
    const ratio = window.devicePixelRatio || 1, box = canvas.getBoundingClientRect();
    width = box.width; height = box.height;
    if (canvas.width !== Math.round(width * ratio) ||
        canvas.height !== Math.round(height * ratio)) {
      canvas.width = Math.round(width * ratio); canvas.height = Math.round(height * ratio);
    }
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    const style = getComputedStyle(root);
    paper = rgb(style.getPropertyValue("--paper").trim());
    ink = rgb(style.getPropertyValue("--ink").trim());
    dark = paper[0] < 128;
    ctx.fillStyle = mix(paper, paper, 1); ctx.fillRect(0, 0, width, height);
    ctx.lineCap = "round"; ctx.font = "13px system-ui, 'DejaVu Sans', sans-serif";
    aim();
    if (on.floor) floor();
    if (T && on.floor) shadows();
    dots();
    if (on.cameras) cameras();
    if (T && on.trail) trails();
    if (T) bodies();
    text(data.scaleText, 12, height - 12, mix(ink, paper, 0.6), "left");
    const out = part("time");
    if (out) out.textContent = times[t].toFixed(2) + " s · frame " + t * data.stride;
    const slider = part("slider");
    if (slider && Number(slider.value) !== t) slider.value = t;
    root.dataset.drawn = String(spots.length);
  }
  function redraw() { if (!dirty) { dirty = true; requestAnimationFrame(step); } }
  function step(now) {
    if (playing) {
      clock += (now - last) / 1000 * Number(part("speed").value); last = now;
      while (t < T - 1 && times[t + 1] <= clock) t++;
      if (t === T - 1) play(false);
    }
    dirty = false; draw();
    if (playing) redraw();
  }
  function play(wanted) {
    playing = wanted && T > 1;
    if (playing && t >= T - 1) t = 0;
    clock = T ? times[t] : 0; last = performance.now();
    const button = part("play");
    if (button) button.textContent = playing ? "Pause" : "Play";
    redraw();
  }
  function go(frame) { t = Math.max(0, Math.min(T - 1, frame)); clock = times[t]; redraw(); }
  function toggle(name) {
    on[name] = !on[name]; const box = part(name);
    if (box) box.checked = on[name];
    if (name === "follow") view.pan = [0, 0, 0];
    redraw();
  }
  function zoom(factor) { view.zoom = Math.max(0.2, Math.min(40, view.zoom * factor));
    redraw(); }
  function orbit(dx, dy) {
    view.azimuth -= dx; view.elevation = Math.max(-89, Math.min(89.9, view.elevation + dy));
    redraw();
  }
  function pan(dx, dy) {
    const size = eye.far / eye.focal;
    view.pan = plus(plus(view.pan, eye.axes[0], -dx * size), eye.axes[1], -dy * size);
    redraw();
  }

  const fingers = new Map(), tip = part("tip");
  canvas.addEventListener("pointerdown", e => { canvas.setPointerCapture(e.pointerId);
    fingers.set(e.pointerId, [e.offsetX, e.offsetY]); tip.style.display = "none"; });
  for (const end of ["pointerup", "pointercancel"])
    canvas.addEventListener(end, e => fingers.delete(e.pointerId));
  canvas.addEventListener("pointermove", e => {
    const before = fingers.get(e.pointerId);
    if (!before) { hover(e); return; }
    const dx = e.offsetX - before[0], dy = e.offsetY - before[1];
    if (fingers.size === 2) {
      const other = [...fingers.entries()].find(([id]) => id !== e.pointerId)[1];
      const apart = p => Math.hypot(p[0] - other[0], p[1] - other[1]);
      zoom(apart([e.offsetX, e.offsetY]) / Math.max(1, apart(before)));
    } else if (e.shiftKey || e.buttons === 2 || e.buttons === 4) pan(dx, dy);
    else orbit(dx * 0.4, dy * 0.4);
    fingers.set(e.pointerId, [e.offsetX, e.offsetY]);
  });
  canvas.addEventListener("contextmenu", e => e.preventDefault());
  canvas.addEventListener("wheel", e => { e.preventDefault();
    zoom(Math.exp(-e.deltaY * 0.0012)); }, { passive: false });
  canvas.addEventListener("dblclick", () => { view = Object.assign({}, start); redraw(); });
  canvas.addEventListener("pointerleave", () => { tip.style.display = "none"; });
  function hover(e) {
    let best = null, near = 14;
    for (const spot of spots) {
      const far = Math.hypot(spot[0] - e.offsetX, spot[1] - e.offsetY);
      if (far < near) { near = far; best = spot; }
    }
    tip.style.display = best ? "block" : "none";
    if (!best) return;
    const [x, y, n, j] = best, p = point(t, n, j), k = (t * N + n) * J + j;
    const lines = [(N > 1 ? data.names[n] + ": " : "") + data.keypoints[j],
      p.map(v => v.toFixed(data.digits)).join("  ") + " " + data.units];
    if (spread) lines.push("sd " + (spread[k] * data.sdScale).toPrecision(2) + " "
      + data.units);
    if (sure) lines.push("confidence " + (sure[k] / 255).toFixed(2));
    tip.textContent = lines.join("\n");
    tip.style.left = Math.min(x + 14, width - 190) + "px";
    tip.style.top = Math.max(0, y - 60) + "px";
  }
  const keys = { " ": () => play(!playing), ArrowRight: e => go(t + (e.shiftKey ? 10 : 1)),
    ArrowLeft: e => go(t - (e.shiftKey ? 10 : 1)), Home: () => go(0), End: () => go(T - 1),
    "+": () => zoom(1.2), "-": () => zoom(1 / 1.2), a: () => orbit(-5, 0),
    d: () => orbit(5, 0), w: () => orbit(0, 5), s: () => orbit(0, -5),
    f: () => toggle("follow"), c: () => toggle("cameras"), n: () => toggle("names"),
    u: () => toggle("spread"), t: () => toggle("trail"), g: () => toggle("floor"),
    r: () => { view = Object.assign({}, start); redraw(); } };
  root.addEventListener("keydown", e => {
    const typed = e.target.tagName === "SELECT" || e.target.tagName === "BUTTON";
    if (!keys[e.key] || e.ctrlKey || e.metaKey || e.altKey || (typed && e.key === " ")) return;
    if (e.target.type === "checkbox" && e.key === " ") return;
    if (!T && /^(Arrow|Home|End| )/.test(e.key)) return;
    e.preventDefault(); keys[e.key](e);
  });
  for (const name of Object.keys(on)) { const box = part(name);
    if (box) { box.checked = on[name]; box.addEventListener("change", () => toggle(name)); } }
  if (part("play")) part("play").addEventListener("click", () => play(!playing));
  if (part("slider")) part("slider").addEventListener("input", e => {
    play(false); go(Number(e.target.value)); });
  new ResizeObserver(() => redraw()).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraw());
  const asked = /frame=(\d+)/.exec(location.hash);  // a link to a moment: page.html#frame=120
  if (asked && T) t = Math.min(T - 1, Math.round(Number(asked[1]) / data.stride));
  for (const name of Object.keys(on))
    if (new RegExp("[#&]" + name + "\\b").test(location.hash) && !on[name]) toggle(name);
  dirty = false; redraw();
}
document.querySelectorAll(".scene3d").forEach(Scene);
})();
"""
