// What the server says of stages, trainings and the disk, as this screen asks for it.
import { get, post } from "../../api";
import type { Curve, Disk, Previews, Round, Sees, StageSchema } from "../../types.gen";
import type { Schema } from "./form";

/** A stage whose settings a form can show. */
export type StageForm = Omit<StageSchema, "settings"> & { settings: Schema };

const of = (job: string, what = ""): string => `jobs/${encodeURIComponent(job)}${what}`;

export const getStage = (stage: string): Promise<StageForm> => get(`stages/${stage}/schema`);
export const getRounds = (): Promise<Round[]> => get("rounds");
export const getCurve = (job: string): Promise<Curve> => get(of(job, "/curve"));
export const getPreviews = (job: string): Promise<Previews> => get(of(job, "/previews"));
export const getSees = (): Promise<Sees> => get("sees");
export const getDisk = (): Promise<Disk> => get("disk");
export const deleteRun = (job: string): Promise<void> => post(of(job), {}, { method: "DELETE" });
export const emptyTrash = (): Promise<Disk> => post("trash", {}, { method: "DELETE" });
