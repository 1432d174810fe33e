// Files from this computer to the server, in parts, resumed where a line broke.
import { ApiError, post, put } from "../api";
import type { Entry } from "../types.gen";

export const PART = 8 << 20; // bytes
const RETRIES = 8;
const AGAIN = new Set([0, 404, 409]); // the line broke, what came was deleted, another page sends it, too

/** What the server has of a file. */
export interface Upload {
  id: string;
  bytes: number;
  received: number;
}

/** What a file is, by its name. */
export function kindOf(name: string): Entry["kind"] {
  if (/\.(mp4|avi|mov|mkv|webm|m4v|mpg|mpeg|wmv|ts|h264)$/i.test(name)) return "video";
  if (/\.(slp|csv|h5|json|zip)$/i.test(name)) return "labels";
  return /\.(mat|mcal|npy|npz|qca\.txt|toml|xcp|xml|ya?ml)$/i.test(name) ? "rig" : "other";
}

/** A mark of a file's content, by which a broken upload is found again. */
export async function markOf(file: File): Promise<string> {
  const about = `${file.name}:${file.size}:${file.lastModified}`;
  // crypto.subtle exists in secure contexts only
  if (globalThis.crypto?.subtle === undefined) return about;
  const ends = new Blob([file.slice(0, 65536), file.slice(-65536), about]);
  const hash = await crypto.subtle.digest("SHA-256", await ends.arrayBuffer());
  return [...new Uint8Array(hash)].map((b) => b.toString(16).padStart(2, "0")).join("");
}

/** Send a file; returns the id under which the server knows it. */
export async function upload(
  file: File,
  progress: (share: number) => void = () => undefined,
  signal?: AbortSignal,
): Promise<string> {
  const body = { name: file.name, bytes: file.size, hash: await markOf(file) };
  let state = await post<Upload>("uploads", body, signal ? { signal } : {});
  let failures = 0;
  while (state.received < file.size) {
    progress(state.received / file.size);
    const part = file.slice(state.received, state.received + PART);
    try {
      const path = `uploads/${encodeURIComponent(state.id)}?at=${state.received}`;
      state = await put<Upload>(path, part, signal ? { signal } : {});
      failures = 0;
    } catch (error) {
      failures += 1;
      const passing = error instanceof ApiError && (AGAIN.has(error.status) || error.status >= 502);
      if (!passing || failures > RETRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, Math.min(250 * 2 ** failures, 5000)));
      // said once more, it goes on; what was deleted on the server begins anew
      state = await post<Upload>("uploads", body, signal ? { signal } : {}).catch(() => state);
    }
  }
  progress(1);
  return state.id;
}
