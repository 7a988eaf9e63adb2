// Joins the parts: images come in, go to the service one after another, and the chosen one is on the stage.

import { segment, Fault } from "./api.js";
import { byId, count, number } from "./dom.js";
import { MASK_COLOUR, PROBABILITY_COLOUR } from "./draw.js";
import { FileRow } from "./files.js";
import { loadPicture, loadPng, tintedLayer } from "./picture.js";
import { Result, summary } from "./result.js";
import { installTheme } from "./theme.js";
import { Viewer } from "./viewer.js";

const UNAUTHORISED = 401;
const EXAMPLE = "static/example.png";
const NOTHING = "Nothing to show yet.";
const OF_THE_SERVICE = "This browser cannot show such a file: the picture, with an outline of its own, is the service’s.";
const NO_PICTURE = "This browser cannot show such a file: the lesions are drawn over a plain backdrop.";

// an entry is {file, row, controller, state, answer, fault}
const entries = [];
// the entry on the stage, and its picture as far as the browser can show it
let shown = null;
let picture = null;
let isBusy = false;

const result = new Result(byId("result"), (index) => viewer.choose(index));
const viewer = new Viewer(byId("stage"), byId("canvas"), {
  onChoose: (index) => result.mark(index),
  onZoom: (scale) => (byId("zoom").textContent = scale ? `${number(Math.round(scale * 100))} %` : "–"),
});

/** Take images in; the first of them goes on the stage. */
function add(files) {
  const added = Array.from(files, makeEntry);
  if (!added.length) return;
  entries.push(...added);
  byId("file-list").append(...added.map((entry) => entry.row.node));
  delete byId("app").dataset.empty;
  show(added[0]);
  workThrough();
}

function makeEntry(file) {
  const entry = { file, controller: new AbortController(), state: "waiting", answer: null, fault: null };
  entry.row = new FileRow(file, {
    show: () => show(entry),
    retry: () => {
      // the button that was pressed goes
      entry.row.focus();
      retry(entry);
    },
    remove: () => remove(entry),
  });
  entry.row.update(entry);
  return entry;
}

/** Ask for one image at a time: a person looks at one at a time, and others use the service too. */
async function workThrough() {
  if (isBusy) return;
  isBusy = true;
  try {
    for (let next = waiting(); next; next = waiting()) await work(next);
  } finally {
    isBusy = false;
  }
}

function waiting() {
  // what is looked at comes first
  return [shown, ...entries].find((entry) => entry?.state === "waiting");
}

async function work(entry) {
  change(entry, { state: "working" });
  try {
    const answer = await ask(entry);
    change(entry, { state: "done", answer });
    byId("status").textContent = summary(answer, entry.file.name);
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof Fault)) throw error;
    change(entry, { state: "failed", fault: error });
    if (error.status === UNAUTHORISED) byId("access").open = true;
  }
  if (entry === shown) await present(entry);
}

async function ask({ file, controller: { signal } }) {
  const include = ["mask", "probability"];
  const picture = await loadPicture(file);
  picture?.close();
  if (!picture) include.push("overlay");
  return segment(file, { include, key: byId("key").value.trim(), signal });
}

function change(entry, changes) {
  Object.assign(entry, changes);
  entry.row.update(entry);
}

function retry(...again) {
  again.forEach((entry) => change(entry, { state: "waiting", fault: null }));
  workThrough();
}

/** A key that was typed in is tried on all that was refused for the lack of it. */
function useKey() {
  retry(...entries.filter(({ fault }) => fault?.status === UNAUTHORISED));
}

function remove(entry) {
  const index = entries.indexOf(entry);
  entries.splice(index, 1);
  entry.controller.abort();
  entry.state = "removed";
  entry.row.node.remove();
  const neighbour = entries[Math.min(index, entries.length - 1)];
  if (entry === shown) show(neighbour ?? null);
  if (neighbour) neighbour.row.focus();
  else empty();
}

function empty() {
  byId("app").dataset.empty = "";
  byId("files").focus();
}

/** Put an entry, or nothing, on the stage; pictures are large, so only its own is held. */
async function show(entry) {
  if (entry && entry === shown) return;
  viewer.show(null);
  result.show(null);
  picture?.close();
  picture = null;
  shown = entry;
  entries.forEach((other) => other.row.mark(other === entry));
  if (!entry) return;
  const loaded = await loadPicture(entry.file);
  if (entry === shown) {
    picture = loaded;
    await present(entry);
  } else loaded?.close();
}

/** Show what is known of the entry by now. */
async function present(entry) {
  const scene = await makeScene(entry);
  if (entry !== shown) return;
  byId("stage-note").textContent = noteOn(scene);
  byId("canvas").setAttribute("aria-label", describe(entry, scene));
  offerLayers(scene?.layers ?? {});
  viewer.show(scene);
  result.show(entry.answer, entry.file.name);
}

async function makeScene({ answer }) {
  if (!answer) return picture && { picture, width: picture.width, height: picture.height, layers: {}, lesions: [] };
  const { image, lesions, mask, probability, overlay } = answer.value;
  const layers = {
    mask: mask && (await tintedLayer(mask, MASK_COLOUR)),
    probability: probability && (await tintedLayer(probability, PROBABILITY_COLOUR)),
  };
  // of a size other than the service's it would be another picture than the one that was judged
  const fits = picture?.width === image.width && picture?.height === image.height;
  const backdrop = fits ? picture : overlay ? await loadPng(overlay) : null;
  return { picture: backdrop, width: image.width, height: image.height, layers, lesions };
}

function noteOn(scene) {
  if (!scene) return NOTHING;
  if (!scene.picture) return NO_PICTURE;
  return scene.picture === picture ? "" : OF_THE_SERVICE;
}

function describe({ file, answer }, scene) {
  if (!answer) return `${file.name}, no result`;
  return `${file.name}, ${scene.width} by ${scene.height} pixels, ${count(scene.lesions.length, "lesion")} outlined`;
}

function offerLayers({ probability }) {
  byId("layer-choice").hidden = !probability;
  if (probability) return;
  byId("layer").value = "mask";
  viewer.look({ layer: "mask" });
}

async function addExample() {
  const blob = await fetchExample();
  byId("intake-fault").textContent = blob ? "" : "The example cannot be loaded. Check the connection to the service.";
  if (blob) add([new File([blob], "example.png", { type: "image/png" })]);
}

async function fetchExample() {
  try {
    const response = await fetch(EXAMPLE);
    return response.ok ? await response.blob() : null;
  } catch (error) {
    // what fetch throws where no answer comes
    if (error instanceof TypeError) return null;
    throw error;
  }
}

function installIntake() {
  byId("files").addEventListener("change", (event) => {
    add(event.target.files);
    // so that the same file can be chosen again
    event.target.value = "";
  });
  byId("example").addEventListener("click", addExample);
  document.addEventListener("paste", (event) => add(event.clipboardData.files));
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.classList.toggle("dropping", event.dataTransfer.types.includes("Files"));
  });
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    add(event.dataTransfer.files);
  });
}

function installTools() {
  byId("zoom-in").addEventListener("click", () => viewer.zoom(1.25));
  byId("zoom-out").addEventListener("click", () => viewer.zoom(0.8));
  byId("fit").addEventListener("click", () => viewer.fit());
  byId("actual").addEventListener("click", () => viewer.actualSize());
  byId("outline").addEventListener("change", (event) => viewer.look({ outline: event.target.checked }));
  byId("layer").addEventListener("change", (event) => viewer.look({ layer: event.target.value }));
  byId("key").addEventListener("change", useKey);
  byId("opacity").addEventListener("input", setOpacity);
}

function setOpacity() {
  const value = byId("opacity").valueAsNumber;
  byId("opacity-value").textContent = `${value} %`;
  viewer.look({ opacity: value / 100 });
}

installTheme(byId("theme"));
installIntake();
installTools();
// a browser may have kept the slider's place from before a reload
setOpacity();
