// What a person should know of the model before the first image: a failed quality gate, and images that it does not know.

import { Fault, model } from "./api.js";
import { byId, element } from "./dom.js";

const SCORES = {
  min_dice: "mean Dice",
  max_missed: "share of missed lesion images",
  max_normal_false_positive_rate: "false-positive rate on normal images",
};

const SIMULATED = "phantom";

/** Keeps the notices those of the model that answers. `key` returns the access key. */
export class ModelNotices {
  #gate = byId("gate");
  #known = byId("known");
  #key;
  #version = null;
  #asking = new AbortController();

  constructor(key) {
    this.#key = key;
    this.refresh();
  }

  /** An answer came from the model of this version, which may be another one than before. */
  answered(version) {
    if (version !== this.#version) this.refresh();
  }

  /** Ask which model answers. Without an answer, such as before a key is given, what is shown stays. */
  async refresh() {
    // the latest question is the one that counts
    this.#asking.abort();
    this.#asking = new AbortController();
    try {
      const { value } = await model({ key: this.#key(), signal: this.#asking.signal });
      this.#show(value);
    } catch (error) {
      if (error.name !== "AbortError" && !(error instanceof Fault)) throw error;
    }
  }

  #show({ version, contract: { gate, trained_on: sets } }) {
    this.#version = version;
    // null: the file is older than these records
    this.#showGate((gate?.checks ?? []).filter(({ passed }) => !passed).map(sentence));
    this.#known.textContent = unknownImages(sets ?? []);
    this.#known.hidden = !this.#known.textContent;
  }

  #showGate(failures) {
    this.#gate.hidden = !failures.length;
    if (!failures.length) return;
    const title = element("strong", {}, "This model failed its quality gate");
    const text = `: ${failures.join("; ")}. Do not rely on what it outlines.`;
    this.#gate.replaceChildren(element("p", { role: "status" }, title, text));
  }
}

function unknownImages(sets) {
  if (!sets.length) return "";
  if (!sets.includes(SIMULATED))
    return "This model knows real images only. The example is simulated: do not rely on what it outlines there.";
  return sets.length > 1 ? "" : "This model knows simulated images only: do not rely on what it outlines in real ones.";
}

function sentence({ name, bound, measured }) {
  const found = measured == null ? "was not measured" : `is ${measured}`;
  const required = name.startsWith("min_") ? `at least ${bound} is required` : `at most ${bound} is allowed`;
  return `${SCORES[name] ?? name.replaceAll("_", " ")} ${found}, ${required}`;
}
