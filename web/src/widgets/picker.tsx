// Choosing files: those of the server, or from this computer by drop or by the browser's dialog.
import { signal, type Signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import { get, sentence } from "../api";
import { kindOf, upload } from "../store/uploads";
import { size } from "../store/words";
import type { Entry, Listing } from "../types.gen";
import { toast } from "../store/toasts";
import { List } from "./list";

/** A file that was chosen; `share` of it is on the server. */
export interface Chosen {
  id: string | null;
  name: string;
  kind: Entry["kind"];
  share: number;
}

/** Files that were chosen, in order. */
export function selection(): Signal<Chosen[]> {
  return signal<Chosen[]>([]);
}

const SIGNS: Record<Entry["kind"], string> = {
  folder: "▸",
  video: "▶",
  labels: "◍",
  rig: "◫",
  project: "◆",
  other: "·",
};

/** The folder that is shown: a root of the server, and the folders entered from it. */
export interface Place {
  readonly root: number;
  readonly way: readonly Entry[];
}

export const inRoot = (root: number): Place => ({ root, way: [] });

/** Where a click on a folder leads; ".." is the one above. */
export function entered({ root, way }: Place, folder: Entry): Place {
  return { root, way: folder.name === ".." ? way.slice(0, -1) : [...way, folder] };
}

const dirOf = ({ way }: Place): string => way.map(({ name }) => name).join("/");

/** The folder itself, which may be chosen as a whole; null: a root. */
export const folderOf = ({ way }: Place): Entry | null => way.at(-1) ?? null;

/** What is in a place, of an answer that may be about another one. */
export function entriesOf(listing: Listing | null, at: Place): readonly Entry[] {
  return listing?.root === at.root && listing.dir === dirOf(at) ? listing.entries : [];
}

function useListing(root: number, dir: string): { listing: Listing | null; trouble: string } {
  const [listing, setListing] = useState<Listing | null>(null);
  const [trouble, setTrouble] = useState("");
  useEffect(() => {
    let gone = false;
    get<Listing>(`files?root=${root}&dir=${encodeURIComponent(dir)}`).then(
      (said) => {
        if (gone) return;
        setListing(said);
        setTrouble("");
      },
      (error: unknown) => !gone && setTrouble(sentence(error)),
    );
    return () => void (gone = true);
  }, [root, dir]);
  return { listing, trouble };
}

function joined(dir: string, name: string): string {
  return dir === "" || dir === "." ? name : `${dir}/${name}`;
}

type Kinds = readonly Entry["kind"][];
const USUAL: Kinds = ["video", "labels", "rig", "project"];

interface FilesProps {
  chosen: Signal<Chosen[]>;
  kinds?: Kinds;
  /** A whole folder may be chosen. */
  folders?: boolean;
}

/** Files under the server's roots. A click enters a folder, chooses a file or lets it go. */
export function ServerFiles({ chosen, kinds = USUAL, folders = false }: FilesProps) {
  const [place, setPlace] = useState(inRoot(0));
  const [root, dir, inside] = [place.root, dirOf(place), folderOf(place)];
  const [at, setAt] = useState(-1);
  const { listing, trouble } = useListing(root, dir);
  const entries = entriesOf(listing, place).filter(({ kind }) => kind === "folder" || kinds.includes(kind));
  const up: Entry = { name: "..", kind: "folder", bytes: null, id: "" };
  const rows = dir === "" ? entries : [up, ...entries];
  const toggle = ({ id, name, kind }: Entry): void => {
    const others = chosen.value.filter((one) => one.id !== id);
    const had = others.length < chosen.value.length;
    chosen.value = had ? others : [...others, { id, name, kind, share: 1 }];
  };
  const pick = (entry: Entry): void => {
    if (entry.kind === "folder") {
      setPlace(entered(place, entry));
      setAt(-1);
      return;
    }
    toggle(entry);
  };
  return (
    <div class="column" data-test="server-files">
      <div class="row">
        {(listing?.roots.length ?? 0) > 1 && (
          <select
            aria-label="Folder on the server"
            value={root}
            onChange={(event) => {
              setPlace(inRoot(Number(event.currentTarget.value)));
              setAt(-1);
            }}
          >
            {listing!.roots.map((name, i) => (
              <option key={name} value={i}>
                {name}
              </option>
            ))}
          </select>
        )}
        <span class="muted cut grow">{joined(listing?.roots[root] ?? "", dir)}</span>
        {folders && inside !== null && (
          <button data-test="whole-folder" onClick={() => toggle(inside)}>
            {chosen.value.some(({ id }) => id === inside.id) ? "Let the folder go" : "Choose this folder"}
          </button>
        )}
      </div>
      {trouble !== "" && <p class="bad">{trouble}</p>}
      <div class="files">
        <List
          items={rows}
          height={28}
          label="Files on the server"
          selected={at}
          name={(one) => `${one.kind} ${one.name}`}
          onPick={(one, i) => {
            setAt(i);
            pick(one);
          }}
          test="files"
        >
          {(one) => (
            <>
              <span aria-hidden="true">{SIGNS[one.kind]}</span>
              <span class="grow cut">{one.name}</span>
              {one.bytes !== null && <span class="muted number">{size(one.bytes)}</span>}
              {chosen.value.some((c) => c.id === one.id && one.id !== "") && <span>✓</span>}
            </>
          )}
        </List>
      </div>
    </div>
  );
}

async function send(files: Iterable<File>, chosen: Signal<Chosen[]>): Promise<void> {
  for (const file of files) {
    const kind = kindOf(file.name);
    if (kind === "other") {
      toast(`${file.name} is neither a video nor a file of labels or cameras.`, { kind: "warn" });
      continue;
    }
    let mine: Chosen = { id: null, name: file.name, kind, share: 0 };
    const change = (next: Partial<Chosen>): void => {
      const changed = { ...mine, ...next };
      chosen.value = chosen.value.map((one) => (one === mine ? changed : one));
      mine = changed;
    };
    chosen.value = [...chosen.value, mine];
    try {
      change({ id: await upload(file, (share) => change({ share })), share: 1 });
    } catch (error) {
      chosen.value = chosen.value.filter((one) => one !== mine);
      toast(`${file.name}: ${sentence(error)}`, { kind: "error" });
    }
  }
}

/** Where files are dropped, or chosen with the browser's dialog; they are sent at once. */
export function Drop({ chosen, what = "videos, .slp, DeepLabCut or COCO files" }: { chosen: Signal<Chosen[]>; what?: string }) {
  const [over, setOver] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  return (
    <div
      class={`drop ${over ? "over" : ""}`}
      data-test="drop"
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        event.stopPropagation();
        setOver(false);
        void send(event.dataTransfer?.files ?? [], chosen);
      }}
    >
      <p>Drop {what} here</p>
      <button onClick={() => input.current?.click()}>Choose on this computer …</button>
      <input
        ref={input}
        type="file"
        multiple
        class="unseen"
        tabIndex={-1}
        aria-label="Files of this computer"
        data-test="file-input"
        onChange={(event) => {
          void send([...(event.currentTarget.files ?? [])], chosen);
          event.currentTarget.value = "";
        }}
      />
    </div>
  );
}

/** What was chosen, with how far each is on its way. */
export function ChosenFiles({ chosen }: { chosen: Signal<Chosen[]> }) {
  return (
    <div class="chips" role="list" aria-label="Chosen files" data-test="chosen">
      {chosen.value.map((one) => (
        <span key={one.id ?? one.name} role="listitem" class="chip row">
          {one.name}
          {one.id === null && <span class="number">{Math.floor(100 * one.share)} %</span>}
          <button
            class="plain"
            title={`Leave ${one.name} out`}
            aria-label={`Leave ${one.name} out`}
            onClick={() => (chosen.value = chosen.value.filter((other) => other !== one))}
          >
            ×
          </button>
        </span>
      ))}
    </div>
  );
}

/** Send files that were dropped anywhere on the page. */
export { send as sendFiles };
