// The list of images: one row each, changed in place, so that screen readers hear of a fault once.

import { count, element } from "./dom.js";
import { faultBox } from "./fault_box.js";

const WORDS = { waiting: "Waiting", working: "Working", failed: "No result" };

/** One image's row: its name, how far it is, and what went wrong. `on` has show, retry and remove. */
export class FileRow {
  #state = element("span", { className: "state" });
  #name;
  #fault = null;
  #on;

  constructor(file, on) {
    this.#on = on;
    this.#name = element("button", { type: "button", className: "name", onclick: on.show }, file.name, this.#state);
    const remove = element("button", { type: "button", className: "quiet", onclick: on.remove }, "×");
    remove.setAttribute("aria-label", `Remove ${file.name}`);
    remove.title = "Remove";
    this.node = element("li", {}, element("div", { className: "file" }, this.#name, remove));
  }

  /** Show an entry's state: {state, answer, fault}. */
  update({ state, answer, fault }) {
    this.node.dataset.state = state;
    this.#state.textContent = state === "done" ? lesionCount(answer) : WORDS[state];
    this.#fault?.remove();
    this.#fault = fault && faultBox(fault, this.#on.retry);
    if (this.#fault) this.node.append(this.#fault);
  }

  /** Mark the row whose image is on the stage. */
  mark(isShown) {
    this.#name.setAttribute("aria-current", String(isShown));
  }

  /** Move the focus to the row. */
  focus() {
    this.#name.focus();
  }
}

/** Say how many lesions an answer has. */
export function lesionCount(answer) {
  return answer.value.lesions.length ? count(answer.value.lesions.length, "lesion") : "No lesion";
}
