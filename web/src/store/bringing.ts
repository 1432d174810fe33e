// Bringing things into a project: a new project, its videos, labels of other programs.
import { ApiError, post, sentence } from "../api";
import { templateOf } from "../templates";
import type { BringRig, BroughtRig, NewProject, Project, Transferred } from "../types.gen";
import { edit } from "./edits";
import { change, forgetFrames } from "./rows";
import { loadProject, skeleton } from "./session";
import { toast } from "./toasts";

/** A file that the server has. */
export interface Given {
  id: string;
  name: string;
  kind: string;
}

/** Make the folder a project and bring in what was chosen. Returns false where it did not work. */
export async function create(keypoints: string[], files: readonly Given[]): Promise<boolean> {
  const labels = files.find((one) => one.kind === "labels");
  const known = templateOf(keypoints);
  const body: NewProject = {
    keypoints,
    template: null,
    file: keypoints.length === 0 ? (labels?.id ?? null) : null,
    name: known?.name ?? "animal",
  };
  try {
    await post<Project | undefined>("project", body);
    await loadProject();
  } catch (error) {
    toast(sentence(error), { kind: "error" });
    return false;
  }
  if (known !== undefined && skeleton.value !== null)
    edit("bones of the template", [change("skeleton", [1], { ...skeleton.value, ...known })]);
  await bring(files);
  return true;
}

/** Add videos and labels to the project. Each that fails says so; the others are added. */
export async function bring(files: readonly Given[]): Promise<void> {
  for (const file of files.filter((one) => one.kind === "video")) await addVideo(file);
  for (const file of files.filter((one) => one.kind === "labels")) await addLabels(file);
  for (const file of files.filter((one) => one.kind === "rig")) await addRig([file]);
  await loadProject();
}

async function addVideo({ id, name }: Given): Promise<void> {
  try {
    await post("videos", { file: id });
  } catch (error) {
    const there = error instanceof ApiError && error.status === 409;
    toast(there ? `${name} is in the project already.` : `${name}: ${sentence(error)}`, {
      kind: there ? "info" : "error",
    });
  }
}

async function addLabels({ id, name }: Given): Promise<void> {
  try {
    const said = await post<Transferred>("import", { file: id, format: null, dry: false });
    forgetFrames();
    toast(`${name}: ${said.animals} animals in ${said.frames} frames. ${said.lost.join(" ")}`);
  } catch (error) {
    toast(`${name}: ${sentence(error)}`, { kind: "error" });
  }
}

/** Bring a calibration in: one file, a folder, or a file a camera. */
export async function addRig(files: readonly Given[]): Promise<BroughtRig | null> {
  const names = files.map(({ name }) => name).join(", ");
  const body: BringRig = { files: files.map(({ id }) => id) };
  try {
    const said = await post<BroughtRig>("rigs", body);
    const wrong = said.findings.map(({ sentence: text }) => text);
    const more = [...wrong, ...said.remarks].join(" ");
    toast(`${said.title}: cameras ${said.cameras.join(", ")}. ${more}`, { kind: wrong.length > 0 ? "warn" : "info" });
    return said;
  } catch (error) {
    toast(`${names}: ${sentence(error)}`, { kind: "error" });
    return null;
  }
}

/** What an import would change and lose, in sentences. */
export async function foreseen({ id, name }: Given): Promise<string[]> {
  try {
    const said = await post<Transferred>("import", { file: id, format: null, dry: true });
    return [...said.changes, ...said.lost.map((text) => `Lost: ${text}`)];
  } catch (error) {
    return [`${name}: ${sentence(error)}`];
  }
}
