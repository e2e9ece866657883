import { isNnunetError } from "@nnunet/core";
import {
  inspectModel,
  loadModel,
  type Model,
  onnxRuntimeSessions,
  predictImage,
  type SessionFactory,
} from "@nnunet/inference";
import { encodeDicomSegmentation, encodeNifti, type ImageWarning } from "@nnunet/io/bytes";
import { readGiven, readSeries, volumesOf } from "./read-image.ts";
import type { ModelSummary, Reply, Segmented, SegmentTask, ShowTask, Task } from "./tasks.ts";

/* All that takes time happens here, so that the page stays free. One task after the other; the page ends one by ending us. */

const reply = (message: Reply) => self.postMessage(message);

self.onmessage = async ({ data: task }: MessageEvent<Task>) => {
  try {
    if (task.kind === "inspect") reply({ kind: "inspected", result: await inspect(task.model) });
    else if (task.kind === "list") reply({ kind: "listed", result: await volumesOf(task.image) });
    else if (task.kind === "show") reply({ kind: "shown", result: await show(task) });
    else reply({ kind: "segmented", result: await segment(task) });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    reply({ kind: "failed", text: isNnunetError(error) ? text : `Something unforeseen happened: ${text}` });
  }
};

async function inspect(file: File): Promise<ModelSummary> {
  const { metadata } = await inspectModel(await bytesOf(file), file.name);
  const { plans, configuration, folds, dataset, mirrorAxes } = metadata;
  const { patchSize } = plans.configurations[configuration]!;
  const copies = 2 ** mirrorAxes.length;
  return { datasetName: plans.datasetName, configuration, folds, dataset, patchSize, copies };
}

const hear = ({ path, field, problem }: ImageWarning) =>
  reply({ kind: "warning", text: `${path}${field && ` → ${field}`}: ${problem}` });

async function show({ image }: ShowTask): Promise<Blob> {
  const { volume } = await readSeries(image, () => {}); // told when it is segmented
  return encodeNifti(volume, { gzip: false });
}

async function segment(task: SegmentTask): Promise<Segmented> {
  const begun = performance.now();
  const model = await openModel(task);
  const { dataset, plans, configuration, folds } = model.metadata;
  const { volume: image, source, withoutSource } = await readGiven(task.image, dataset, hear);
  if (withoutSource !== undefined) reply({ kind: "warning", text: withoutSource });
  const { mirroring, maxMemoryGb } = task;
  const { segmentation } = await predictImage(
    [model],
    { id: task.image.name, image },
    {
      mirroring,
      maxMemoryGb,
      onEvent(event) {
        if (event.type === "progress") reply({ kind: "progress", done: event.done, total: event.total });
        if (event.type === "message" && event.level === "warning") reply({ kind: "warning", text: event.text });
      },
    },
  );
  const voxels = new Map<number, number>();
  for (const label of segmentation.data) voxels.set(label, (voxels.get(label) ?? 0) + 1);
  const millilitresPerVoxel = image.geometry.spacing.reduce((volume, mm) => volume * mm, 1) / 1000;
  const file = await encodeNifti(segmentation);
  const maker = {
    algorithm: `${plans.datasetName} ${configuration}`,
    version: "nnunet-ts in the browser",
    parameters: `plans ${plans.plansName}; folds ${folds.join(", ")}; ${mirroring ? "mirroring" : "no mirroring"}`,
  };
  const made = source && (await encodeDicomSegmentation(segmentation, source, dataset, maker));
  for (const warning of made?.warnings ?? []) hear(warning);
  return { file, object: made?.file, voxels, millilitresPerVoxel, seconds: (performance.now() - begun) / 1000 };
}

/** The model of the task before, if this one wants the same. */
let opened: { readonly key: string; readonly model: Model } | undefined;

async function openModel({ model: file, device, threads, runtime }: SegmentTask): Promise<Model> {
  const key = [file.name, file.size, file.lastModified, device].join();
  if (opened?.key === key) return opened.model;
  await opened?.model.dispose();
  opened = undefined;
  const createSession = await sessionsOf(device, threads, runtime);
  const model = await loadModel(await bytesOf(file), { device, cpuOperators: true, createSession });
  opened = { key, model };
  return model;
}

/** onnxruntime-web for the device, its WebAssembly files from our own server. */
async function sessionsOf(device: SegmentTask["device"], threads: number, runtime: string): Promise<SessionFactory> {
  const ort = await (device === "webgpu" ? import("onnxruntime-web/webgpu") : import("onnxruntime-web/wasm"));
  ort.env.wasm.wasmPaths = runtime;
  ort.env.wasm.numThreads = threads;
  return onnxRuntimeSessions(ort, { cpu: "wasm", webgpu: "webgpu" });
}

async function bytesOf(file: File): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await file.arrayBuffer());
}
