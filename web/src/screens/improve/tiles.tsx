// Held-out frames as a training sees them: truth as discs, guesses as rings.
import { useEffect, useRef } from "preact/hooks";
import { url } from "../../api";
import * as session from "../../store/session";
import type { Previews, Preview as Tile } from "../../types.gen";
import { distance, fit, placed, worth, type Fitted } from "./crop";
import { px } from "./curves";
import { open } from "./desk";

const SIDE = 112;
const EMPTY = 6; // places that are shown before the first tiles have come

const pictures = new Map<string, Promise<HTMLImageElement>>();
const KEPT = 48;

/** The picture of a frame; the same one for every checkpoint. */
function picture(address: string): Promise<HTMLImageElement> {
  let one = pictures.get(address);
  if (one === undefined) {
    const image = new Image();
    image.src = address;
    one = image.decode().then(() => image);
    one.catch(() => pictures.delete(address));
    pictures.set(address, one);
    for (const oldest of pictures.keys()) {
      if (pictures.size <= KEPT) break;
      pictures.delete(oldest);
    }
  }
  return one;
}

type Pen = CanvasRenderingContext2D;

function bones(pen: Pen, fitted: Fitted, tile: Tile, edges: Previews["edges"]): void {
  pen.beginPath();
  for (const [a, b] of edges) {
    const [p, q] = [tile.guess[a], tile.guess[b]];
    if (p == null || q == null) continue;
    pen.moveTo(...placed(fitted, p[0], p[1]));
    pen.lineTo(...placed(fitted, q[0], q[1]));
  }
  pen.lineWidth = 1;
  pen.strokeStyle = "rgb(255 255 255 / 55%)";
  pen.stroke();
}

function marker(pen: Pen, [x, y]: [number, number], radius: number, filled: boolean): void {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
  pen.lineWidth = 3.5;
  pen.strokeStyle = "#10151a";
  pen.stroke();
  if (filled) {
    pen.fillStyle = "#e69f00";
    pen.fill();
    return;
  }
  pen.lineWidth = 1.5;
  pen.strokeStyle = "#56b4e9";
  pen.stroke();
}

function draw(
  canvas: HTMLCanvasElement,
  image: HTMLImageElement,
  tile: Tile,
  edges: Previews["edges"],
): void {
  const ratio = devicePixelRatio || 1;
  canvas.width = canvas.height = Math.round(SIDE * ratio);
  const pen = canvas.getContext("2d")!;
  pen.scale(ratio, ratio);
  const fitted = fit(worth([...tile.truth, ...tile.guess.filter((_, k) => tile.truth[k] === null)], tile.width, tile.height), SIDE, SIDE);
  pen.fillStyle = "#101114";
  pen.fillRect(0, 0, SIDE, SIDE);
  const { scale, left, top } = fitted;
  pen.imageSmoothingEnabled = scale < 2;
  pen.drawImage(image, left, top, image.naturalWidth * scale, image.naturalHeight * scale);
  bones(pen, fitted, tile, edges);
  for (const one of tile.truth) if (one !== null) marker(pen, placed(fitted, one[0], one[1]), 2.5, true);
  for (const one of tile.guess) if (one !== null) marker(pen, placed(fitted, one[0], one[1]), 4, false);
}

/** Open the frame of a tile, if its video is still here. */
function show({ video, frame }: Tile): void {
  const found = session.videos.peek().find((one) => one.name === video);
  if (found !== undefined && frame !== null) open(found.id, frame);
}

function One({ tile, edges }: { tile: Tile; edges: Previews["edges"] }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    let gone = false;
    picture(url(tile.picture.replace(/^\/?api\//, "")))
      .then((image) => !gone && canvas.current && draw(canvas.current, image, tile, edges))
      .catch(() => undefined); // an unreadable frame says so on the Label screen
    return () => void (gone = true);
  }, [tile, edges]);
  const off = distance(tile.truth, tile.guess);
  const said = off === null ? "" : `${px(off * tile.video_px)} px`;
  const where = tile.frame === null ? "a held-out frame" : `${tile.video ?? ""} frame ${tile.frame}`;
  const what = `${where}: median ${said || "unknown"} off`;
  return (
    <button class="tile plain" title={`${what}. Click opens it.`} onClick={() => show(tile)}>
      <canvas ref={canvas} aria-hidden="true" />
      <span class="number cut">
        {tile.frame !== null && `f${tile.frame} `}
        <span class="muted">{said}</span>
      </span>
    </button>
  );
}

/** Tiles; empty places until they have come. */
export function Tiles({ previews }: { previews: Previews | null }) {
  const known = previews?.shown ?? [];
  return (
    <div>
      <p class="muted">
        <span class="truth">●</span> truth <span class="guess">◌</span> guess, held-out frames
        {known.length > 0 && <span class="number"> at step {previews!.step}</span>}
      </p>
      <div class="tiles" data-test="previews" data-tiles={known.length}>
        {known.map((tile, i) => (
          <One key={tile.picture + i} tile={tile} edges={previews!.edges} />
        ))}
        {known.length === 0 &&
          Array.from({ length: EMPTY }, (_, i) => <div key={i} class="tile hollow" aria-hidden="true" />)}
      </div>
    </div>
  );
}
