// Colours of labels: the one that somebody chose, else one by number, far from its neighbours'.

const GOLDEN = 137.508; // degrees

export type Rgb = readonly [number, number, number];

/** Hexadecimal colour of a label that nobody gave one; turn: of the hue, so that runs differ. */
export function colourOf(id: number, turn = 0): string {
  return hex(rgbOf((id * GOLDEN + turn) % 360, 0.58, 0.6 + 0.1 * ((id % 3) - 1)));
}

function rgbOf(hue: number, saturation: number, light: number): Rgb {
  const part = (n: number): number => {
    const k = (n + hue / 30) % 12;
    const reach = saturation * Math.min(light, 1 - light);
    return Math.round(255 * (light - reach * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [part(0), part(8), part(4)];
}

function hex(rgb: Rgb): string {
  return `#${rgb.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

/** Red, green and blue of #rrggbb; grey where it is none. */
export function parse(colour: string): Rgb {
  const found = /^#([0-9a-f]{6})$/i.exec(colour)?.[1];
  if (found === undefined) return [128, 128, 128];
  const value = Number.parseInt(found, 16);
  return [value >> 16, (value >> 8) & 255, value & 255];
}
