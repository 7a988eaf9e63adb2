// Says so where the model's own file records that it failed its quality gate.

import { Fault, model } from "./api.js";
import { byId, element } from "./dom.js";

const SCORES = {
  min_dice: "mean Dice",
  max_missed: "share of missed lesion images",
  max_normal_false_positive_rate: "false-positive rate on normal images",
};

/** Keeps the notice that of the model that answers. `key` returns the access key. */
export class GateNotice {
  #notice = byId("gate");
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

  #show({ version, contract: { gate } }) {
    this.#version = version;
    // null: the file is older than this record
    const failures = (gate?.checks ?? []).filter(({ passed }) => !passed).map(sentence);
    this.#notice.hidden = !failures.length;
    if (!failures.length) return;
    const title = element("strong", {}, "This model failed its quality gate");
    const text = `: ${failures.join("; ")}. Do not rely on what it outlines.`;
    this.#notice.replaceChildren(element("p", { role: "status" }, title, text));
  }
}

function sentence({ name, bound, measured }) {
  const found = measured == null ? "was not measured" : `is ${measured}`;
  const required = name.startsWith("min_") ? `at least ${bound} is required` : `at most ${bound} is allowed`;
  return `${SCORES[name] ?? name.replaceAll("_", " ")} ${found}, ${required}`;
}
