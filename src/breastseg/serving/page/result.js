// What the service says about one image: lesions, warnings, facts and downloads.

import { count, element, number, percent } from "./dom.js";
import { pngBlob } from "./picture.js";

/** Fills a section with one answer after another. `onChoose` is told which lesion is chosen, -1 for none. */
export class Result {
  #section;
  #onChoose;
  #buttons = [];
  #addresses = [];

  constructor(section, onChoose) {
    this.#section = section;
    this.#onChoose = onChoose;
  }

  /** Show the answer {text, value, frame} to a file of this name, or nothing; `frame` may be empty. */
  show(answer, fileName) {
    this.#addresses.forEach((address) => URL.revokeObjectURL(address));
    this.#addresses = [];
    this.#buttons = [];
    this.#section.replaceChildren(...(answer ? this.#parts(answer, fileName) : []));
    this.#section.hidden = !answer;
  }

  /** Mark the chosen lesion. */
  mark(index) {
    this.#buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(i === index)));
    this.#buttons[index]?.scrollIntoView({ block: "nearest" });
  }

  #parts({ text, value, frame }, fileName) {
    const stem = fileName.replace(/\.[^.]*$/, "") || "image";
    return [
      element("h2", { id: "result-title" }, "Lesions"),
      ...warnings(value),
      this.#lesions(value.lesions),
      this.#downloads(text, value.mask, frame ? `${stem}_frame${frame}` : stem),
      facts(value, frame),
    ];
  }

  #lesions(lesions) {
    if (!lesions.length) return element("p", {}, "The model outlines no lesion in this image.");
    this.#buttons = lesions.map((lesion, i) => this.#lesion(lesion, i));
    return element("ol", { className: "lesions" }, ...this.#buttons.map((button) => element("li", {}, button)));
  }

  #lesion(lesion, index) {
    const button = element(
      "button",
      { type: "button", className: "lesion", "aria-pressed": "false" },
      element("span", { className: "badge" }, element("span", { className: "hidden" }, "Lesion "), String(index + 1)),
      term("Area", `${number(lesion.area_px)} px`),
      term("Share", percent(lesion.area_share)),
      term("Confidence", number(lesion.confidence, 2)),
      term("Box", boxText(lesion.box)),
    );
    button.addEventListener("click", () => {
      this.#onChoose(button.getAttribute("aria-pressed") === "true" ? -1 : index);
    });
    return button;
  }

  #downloads(text, mask, stem) {
    const json = new Blob([text], { type: "application/json" });
    const links = [this.#download("JSON", json, `${stem}.json`)];
    if (mask) links.unshift(this.#download("Mask (PNG)", pngBlob(mask), `${stem}_mask.png`));
    return element("div", { className: "row downloads", role: "group", "aria-label": "Downloads" }, ...links);
  }

  #download(label, blob, name) {
    const address = URL.createObjectURL(blob);
    this.#addresses.push(address);
    const hidden = element("span", { className: "hidden" }, "Download ");
    return element("a", { className: "button", href: address, download: name }, hidden, label);
  }
}

function term(name, value) {
  return element("span", { className: "term" }, element("span", { className: "term-name" }, `${name} `), `${value} `);
}

/** As x0–x1, y0–y1 and the size; the answer's x1 and y1 are exclusive, and so are these. */
function boxText([x0, y0, x1, y1]) {
  return `x ${x0}–${x1}, y ${y0}–${y1} (${x1 - x0} × ${y1 - y0} px)`;
}

/** What speaks against trusting the answer; fields that the service leaves out or sets to null say nothing. */
function warnings({ quality, out_of_distribution: unlike }) {
  const sentences = (quality ?? []).map((flag) => `Image quality: ${flag.replaceAll("_", " ")}.`);
  if (unlike) sentences.unshift("This image is unlike those that the model was made for: do not rely on the outline.");
  if (!sentences.length) return [];
  const items = sentences.map((sentence) => element("li", {}, sentence));
  return [element("ul", { className: "warnings", "aria-label": "Warnings" }, ...items)];
}

function facts(value, frame) {
  const rows = [
    ["Frame", frame || null],
    ["Image", `${number(value.image.width)} × ${number(value.image.height)} px`],
    ["Presence of a lesion", value.presence == null ? null : percent(value.presence)],
    ["Expected Dice", value.expected_dice == null ? null : number(value.expected_dice, 2)],
    ["Time", timings(value.timings_ms)],
    ["Model", value.model.name],
    ["Version", value.model.version],
    ["Request", value.request_id],
  ].filter(([, text]) => text != null);
  const cells = rows.flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]);
  return element("dl", { className: "facts" }, ...cells);
}

function timings(milliseconds) {
  if (!milliseconds) return null;
  const { total, ...parts } = milliseconds;
  const listed = Object.entries(parts).map(([name, value]) => `${name} ${number(value, 0)}`);
  return `${number(total, 0)} ms (${listed.join(", ")})`;
}

/** Say in one sentence what was found, for those who hear the page. */
export function summary({ value }, fileName) {
  const found = value.lesions.length ? count(value.lesions.length, "lesion") : "no lesion";
  return `${fileName}: ${found} found`;
}
