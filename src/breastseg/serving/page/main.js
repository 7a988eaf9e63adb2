// Joins the parts: images come in, go to the service one after another, and the chosen one is on the stage.

import { segment, Fault } from "./api.js";
import { byId, count, number } from "./dom.js";
import { FileRow } from "./files.js";
import { installIntake } from "./intake.js";
import { ModelNotices } from "./model_notices.js";
import { Monitor } from "./monitor.js";
import { loadPicture } from "./picture.js";
import { Result, summary } from "./result.js";
import { makeScene, noteOn } from "./scene.js";
import { installTheme } from "./theme.js";
import { Viewer } from "./viewer.js";

const UNAUTHORISED = 401;
const UNPROCESSABLE = 422;
// an entry is {file, row, controller, state, frame as it was asked for, answer, fault}
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
const monitor = new Monitor({ key, fault: askForKey });
const notices = new ModelNotices(key);

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
  const entry = { file, controller: new AbortController(), state: "waiting", frame: "", answer: null, fault: null };
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
  change(entry, { state: "working", frame: byId("frame").value });
  try {
    const answer = await ask(entry);
    change(entry, { state: "done", answer: { ...answer, frame: entry.frame } });
    byId("status").textContent = summary(answer, title(entry));
    notices.answered(answer.value.model.version);
  } catch (error) {
    if (error.name === "AbortError") return;
    if (!(error instanceof Fault)) throw error;
    change(entry, { state: "failed", answer: null, fault: error });
    askForKey(error);
  }
  if (entry === shown) await present(entry);
  // the number may have changed meanwhile
  retryFrames();
}

function askForKey({ status }) {
  if (status === UNAUTHORISED) byId("access").open = true;
}

function key() {
  return byId("key").value.trim();
}

async function ask({ file, frame, controller: { signal } }) {
  const include = ["mask", "probability"];
  const loaded = await loadPicture(file);
  loaded?.close();
  if (!loaded) include.push("overlay");
  return segment(file, { include, frame, key: key(), signal });
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
  monitor.refresh();
  notices.refresh();
}

function useFrame() {
  if (byId("frame").reportValidity()) retryFrames();
}

/** A frame's number is tried on all that may have been refused for it, and shows another frame of what is on the stage. */
function retryFrames() {
  const wanted = byId("frame").value;
  const isShown = (entry) => entry === shown && entry.state === "done" && entry.frame && wanted;
  const isRefused = ({ fault }) => fault?.status === UNPROCESSABLE;
  retry(...entries.filter((entry) => entry.frame !== wanted && (isRefused(entry) || isShown(entry))));
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
  const scene = await makeScene(entry.answer, picture);
  if (entry !== shown) return;
  byId("stage-note").textContent = noteOn(scene, picture);
  byId("stage-note").classList.toggle("alone", !scene);
  byId("canvas").setAttribute("aria-label", describe(entry, scene));
  offerLayers(scene?.layers ?? {});
  viewer.show(scene);
  result.show(entry.answer, entry.file.name);
}

function title({ file, frame }) {
  return frame ? `${file.name}, frame ${frame}` : file.name;
}

function describe(entry, scene) {
  if (!entry.answer) return `${title(entry)}, no result`;
  return `${title(entry)}, ${scene.width} by ${scene.height} pixels, ${count(scene.lesions.length, "lesion")} outlined`;
}

function offerLayers({ probability }) {
  byId("layer-choice").hidden = !probability;
  if (probability) return;
  byId("layer").value = "mask";
  viewer.look({ layer: "mask" });
}

function installTools() {
  byId("zoom-in").addEventListener("click", () => viewer.zoom(1.25));
  byId("zoom-out").addEventListener("click", () => viewer.zoom(0.8));
  byId("fit").addEventListener("click", () => viewer.fit());
  byId("actual").addEventListener("click", () => viewer.actualSize());
  byId("outline").addEventListener("change", (event) => viewer.look({ outline: event.target.checked }));
  byId("layer").addEventListener("change", (event) => viewer.look({ layer: event.target.value }));
  byId("key").addEventListener("change", useKey);
  byId("frame").addEventListener("change", useFrame);
  byId("opacity").addEventListener("input", setOpacity);
}

function setOpacity() {
  const value = byId("opacity").valueAsNumber;
  byId("opacity-value").textContent = `${value} %`;
  viewer.look({ opacity: value / 100 });
}

installTheme(byId("theme"));
installIntake(add);
installTools();
// a browser may have kept the slider's place from before a reload
setOpacity();
