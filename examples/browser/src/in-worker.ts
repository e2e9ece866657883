import type { DicomVolumeInfo } from "@nnunet/io/bytes";
import type { InspectTask, ListTask, ModelSummary, Reply, Segmented, SegmentTask, ShowTask, Task } from "./tasks.ts";

export interface TaskOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
  readonly onWarning?: (text: string) => void;
}

export interface WorkerClient {
  run(task: InspectTask, options?: TaskOptions): Promise<ModelSummary>;
  run(task: ListTask, options?: TaskOptions): Promise<readonly DicomVolumeInfo[]>;
  run(task: ShowTask, options?: TaskOptions): Promise<Blob>;
  run(task: SegmentTask, options?: TaskOptions): Promise<Segmented>;
}

/** A worker that does one task at a time. An aborted task ends it in the middle of whatever it does; the next starts anew. */
export function createWorkerClient(): WorkerClient {
  let worker: Worker | undefined;
  let last: Promise<unknown> = Promise.resolve();

  const begin = (task: Task, { signal, onProgress, onWarning }: TaskOptions) =>
    new Promise<Extract<Reply, { result: unknown }>["result"]>((resolve, reject) => {
      const end = () => {
        worker?.terminate();
        worker = undefined;
      };
      const onAbort = () => {
        end();
        reject(signal!.reason);
      };
      if (signal?.aborted) return onAbort();
      signal?.addEventListener("abort", onAbort, { once: true });
      worker ??= new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
      worker.onmessage = ({ data }: MessageEvent<Reply>) => {
        if (data.kind === "progress") return onProgress?.(data.done, data.total);
        if (data.kind === "warning") return onWarning?.(data.text);
        signal?.removeEventListener("abort", onAbort);
        if (data.kind === "failed") reject(new Error(data.text));
        else resolve(data.result);
      };
      worker.onerror = (event) => {
        event.preventDefault();
        signal?.removeEventListener("abort", onAbort);
        end();
        const reason = event.message ? ` (${event.message})` : "";
        reject(
          new Error(
            `The browser ended the computation${reason}; it may lack memory: close other tabs, or use nnunet predict`,
          ),
        );
      };
      worker.postMessage(task);
    });

  const run = (task: Task, options: TaskOptions = {}) => {
    const result = last.then(() => begin(task, options));
    last = result.catch(() => {});
    return result;
  };
  return { run } as WorkerClient;
}
