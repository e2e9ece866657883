import { labelSet } from "@nnunet/core";
import { type DicomVolumeInfo, labelColour } from "@nnunet/io/bytes";
import { createVolumeChoice } from "./choose-volume.ts";
import { chosenVolume, describeGiven, type GivenImage, niftiImage } from "./given-image.ts";
import { createWorkerClient } from "./in-worker.ts";
import { element, find, messageOf, showGiven, showNotes, showProblem } from "./page.ts";
import type { ModelSummary, Segmented, WebDevice } from "./tasks.ts";
import { timeLeft } from "./time-left.ts";
import { createViewer, type Viewer } from "./viewer.ts";

/** The left view: a model and an image in, a segmentation out. */
export function createSegmentView() {
  const view = find("#segment");
  const start = find<HTMLButtonElement>("#start");
  const work = find("#work");
  const result = find("#result");
  const device = find<HTMLSelectElement>("#device");
  const mirroring = find<HTMLInputElement>("#mirroring");
  const choice = createVolumeChoice();
  const worker = createWorkerClient();
  let viewer: Promise<Viewer> | undefined;
  let model: { file: File; summary: ModelSummary } | undefined;
  /** What was given last; it is `image` once it is known to be one volume. */
  let asked: GivenImage | undefined;
  let image: GivenImage | undefined;
  let working: AbortController | undefined;
  let showing: Promise<void> | undefined;
  let notes: string[] = [];

  const note = (text: string) => {
    notes.push(text);
    showNotes(view, notes);
  };
  const ready = () => {
    start.disabled = !model || !image || working !== undefined;
    view.toggleAttribute("data-working", working !== undefined);
    view.toggleAttribute("data-done", !result.hidden);
  };
  /** What was found belongs to what was given before, and so does what is being looked for. */
  const forget = () => {
    working?.abort(new DOMException("something else was given", "AbortError"));
    result.hidden = true;
    view.removeAttribute("data-done");
    showProblem(view, undefined);
    notes = [];
    showNotes(view, notes);
    viewer?.then(({ clearSegmentation }) => clearSegmentation()).catch(() => {});
  };

  async function takeModel(file: File): Promise<void> {
    forget();
    model = undefined;
    ready();
    try {
      model = { file, summary: await worker.run({ kind: "inspect", model: file }) };
      const { datasetName, configuration, folds, dataset, copies } = model.summary;
      const trained = `${datasetName}, ${configuration}, ${folds.length === 1 ? "fold" : "folds"} ${folds.join(" ")}`;
      const takes = `takes ${dataset.channelNames.join(", ")}; finds ${labelSet(dataset).names.join(", ")}`;
      showGiven("model", file.name, [trained, takes]);
      find("#copies").textContent = copies > 1 ? `(${copies} × the time)` : "(this model has none)";
      mirroring.disabled = copies === 1;
    } catch (error) {
      showGiven("model", file.name, ["cannot be used"]);
      showProblem(view, messageOf(error));
    }
    ready();
  }

  async function takeImage(given: GivenImage): Promise<void> {
    const own = withOthers(given);
    forget();
    asked = own;
    image = undefined;
    choice.hide();
    showGiven("image", describeGiven(own));
    ready();
    const volumes = own.kind === "dicom" ? await volumesOf(own) : [];
    if (asked !== own) return; // another image was given meanwhile
    if (volumes.length < 2) return useImage(own);
    viewer?.then(({ clear }) => clear()).catch(() => {});
    showGiven("image", describeGiven(own), [`${volumes.length} series or volumes; choose one`]);
    choice.offer(volumes, (i) => void useImage(chosenVolume(own, volumes[i]!, i + 1)));
  }

  /** What is wrong with the files is said when they are read. */
  async function volumesOf(own: GivenImage): Promise<readonly DicomVolumeInfo[]> {
    return worker.run({ kind: "list", image: own }).catch(() => []);
  }

  async function useImage(own: GivenImage): Promise<void> {
    forget();
    image = own;
    showGiven("image", describeGiven(own));
    ready();
    showing = showImage(own);
    await showing;
  }

  async function showImage(own: GivenImage): Promise<void> {
    const isWanted = () => image === own;
    try {
      viewer ??= createViewer();
      const shown = await viewer;
      if (isWanted()) shown.clear(); // another image under this one's name would be taken for it
      const size = await shown.showImage(await viewable(own), isWanted);
      if (isWanted()) showGiven("image", describeGiven(own), [size]);
    } catch (error) {
      // Segmenting reads the file by itself, and says what is wrong with it.
      if (isWanted()) note(messageOf(error));
    }
  }

  /** Channels of one case may come one after the other. */
  function withOthers(given: GivenImage): GivenImage {
    const wanted = model?.summary.dataset.channelNames.length ?? 1;
    const before = image?.kind === "nifti" && given.kind === "nifti" ? image.files : [];
    if (before.length === 0 || before.length + given.files.length > wanted) return given;
    const others = before.filter(({ name }) => !given.files.some((file) => file.name === name));
    return niftiImage([...others, ...given.files]);
  }

  /** The viewer shows NIfTI; a series becomes that by our own reader, so that what is seen is what is segmented. */
  async function viewable(given: GivenImage): Promise<File> {
    if (given.kind === "nifti") return given.files[0]!;
    return new File([await worker.run({ kind: "show", image: given })], `${given.name}.nii`);
  }

  async function segment(): Promise<void> {
    if (!model || !image || working) return;
    const [{ file, summary }, own] = [model, image];
    forget();
    const control = new AbortController();
    working = control;
    const { signal } = control;
    const progress = find<HTMLProgressElement>("progress", work);
    const status = find("[role=status]", work);
    progress.removeAttribute("value");
    status.textContent = "Reading the image and the model …";
    work.hidden = false;
    ready();
    const remaining = timeLeft();
    try {
      const segmented = await worker.run(
        {
          kind: "segment",
          model: file,
          image: own,
          device: device.value as WebDevice,
          threads: threadsHere(),
          mirroring: mirroring.checked,
          maxMemoryGb: memoryHere(),
          runtime: new URL("ort/", document.baseURI).href,
        },
        {
          signal,
          onWarning: note,
          onProgress(done, total) {
            progress.max = total;
            progress.value = done;
            status.textContent = `Patch ${done} of ${total}${remaining(done, total)}`;
          },
        },
      );
      signal.throwIfAborted();
      await show(segmented, own, summary);
    } catch (error) {
      if (!signal.aborted) showProblem(view, messageOf(error));
    } finally {
      working = undefined;
      work.hidden = true;
      ready();
    }
  }

  async function show(segmented: Segmented, own: GivenImage, { dataset }: ModelSummary) {
    const { file, object, voxels, millilitresPerVoxel, seconds } = segmented;
    const { names, regions, regionsClassOrder, foreground } = labelSet(dataset);
    const labels = names.map((name, i) => ({ name, id: (regions ? regionsClassOrder! : foreground)[i]! }));
    const rows = labels.map(({ name, id }, i) => {
      const count = voxels.get(id) ?? 0;
      const swatch = element("i", "", { style: `background:rgb(${labelColour(i).join(" ")})` });
      return element("tr", [
        element("th", [swatch, document.createTextNode(name)], { scope: "row" }),
        element("td", count.toLocaleString("en")),
        element("td", (count * millilitresPerVoxel).toLocaleString("en", { maximumSignificantDigits: 3 })),
      ]);
    });
    find("tbody", result).replaceChildren(...rows);
    offer("#download", file, `${own.name}_segmentation.nii.gz`);
    offer("#download-dicom", object, `${own.name}_segmentation.dcm`);
    find(".aside", result).textContent =
      `${device.selectedOptions[0]!.text}; ${seconds.toFixed(1)} s in all. Not for diagnosis.`;
    result.hidden = false;
    const isWanted = () => image === own && !result.hidden;
    await showing;
    await (await viewer)?.showSegmentation(file, labels, isWanted).catch((error: unknown) => note(messageOf(error)));
  }

  start.onclick = segment;
  find("#cancel").onclick = () => working?.abort(new DOMException("cancelled", "AbortError"));
  void offerDevices(device);
  return { takeModel, takeImage };
}

/** Gives a file to a link; without one the link is hidden. */
function offer(selector: string, file: Blob | undefined, name: string): void {
  const link = find<HTMLAnchorElement>(selector);
  if (link.href) URL.revokeObjectURL(link.href);
  link.hidden = file === undefined;
  if (!file) return;
  link.href = URL.createObjectURL(file);
  link.download = name;
}

/** WebAssembly's threads; browsers give them to cross-origin isolated pages only. */
function threadsHere(): number {
  return crossOriginIsolated ? Math.min(navigator.hardwareConcurrency || 1, 16) : 1;
}

/** What this machine may have for a page; browsers that do not say are taken to have 4 GB. */
function memoryHere(): number {
  return (navigator as { deviceMemory?: number }).deviceMemory ?? 4;
}

/** WebGPU first where there is a GPU; what is missing is said, with the reason. */
async function offerDevices(select: HTMLSelectElement): Promise<void> {
  const threads = threadsHere();
  const cpu = crossOriginIsolated
    ? `CPU, ${threads} ${threads === 1 ? "thread" : "threads"}`
    : "CPU, 1 thread (the server does not allow more)";
  select.append(element("option", cpu, { value: "cpu" }));
  const gpu = (navigator as { gpu?: { requestAdapter(): Promise<object | null> } }).gpu;
  const adapter = await gpu?.requestAdapter().catch(() => null);
  if (adapter) {
    select.prepend(element("option", "GPU (WebGPU)", { value: "webgpu" }));
    select.value = "webgpu";
  } else {
    select.append(element("option", "GPU: this browser has no WebGPU", { value: "webgpu", disabled: "" }));
  }
}
