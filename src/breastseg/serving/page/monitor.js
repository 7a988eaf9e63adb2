// The monitor: asks how traffic differs from the reference, when it is opened, on demand, and regularly while it is open.

import { drift, Fault } from "./api.js";
import { byId, timeOfDay } from "./dom.js";
import { driftParts, driftSummary, raisedAlarms } from "./drift.js";
import { faultBox } from "./fault_box.js";

const PERIOD_MS = 30_000;

/** Keeps the section up to date. `on` has key(), which tells the access key, and fault(fault). */
export class Monitor {
  #section = byId("monitor");
  #button = byId("monitor-refresh");
  #on;
  #timer = 0;
  #asking = new AbortController();
  // the text of what is shown: without a change nothing is touched, so that nobody who reads it loses the place
  #shown = null;
  #alarms = "";

  constructor(on) {
    this.#on = on;
    this.#section.addEventListener("toggle", () => this.#toggled());
    this.#button.addEventListener("click", () => this.refresh());
  }

  /** Ask now, if the section is open, and tell those who hear the page what came, be it the same as before. */
  async refresh() {
    if (!this.#section.open) return;
    this.#shown = null;
    const value = await this.#update();
    if (value) byId("status").textContent = driftSummary(value);
  }

  #toggled() {
    clearInterval(this.#timer);
    this.#asking.abort();
    if (!this.#section.open) return;
    this.#timer = setInterval(() => this.#refreshQuietly(), PERIOD_MS);
    this.refresh();
  }

  /** Ask without a word, unless an alarm has changed; a page that nobody looks at asks for nothing. */
  async #refreshQuietly() {
    if (document.hidden) return;
    const before = this.#alarms;
    const value = await this.#update();
    if (value && this.#alarms !== before) byId("status").textContent = driftSummary(value);
  }

  /** Ask and show; returns the answer, or null where none came. */
  async #update() {
    // the latest question is the one that counts
    this.#asking.abort();
    this.#asking = new AbortController();
    try {
      const { text, value } = await drift({ key: this.#on.key(), signal: this.#asking.signal });
      this.#showWindows(text, value);
      return value;
    } catch (error) {
      if (error.name === "AbortError") return null;
      if (!(error instanceof Fault)) throw error;
      this.#showFault(error);
      return null;
    }
  }

  #showWindows(text, value) {
    byId("monitor-time").textContent = `As of ${timeOfDay(new Date())}`;
    this.#alarms = raisedAlarms(value);
    if (text === this.#shown) return;
    this.#shown = text;
    byId("monitor-fault").replaceChildren();
    byId("monitor-windows").replaceChildren(...driftParts(value));
  }

  /** Old figures beside a fault would be taken for new ones. */
  #showFault(fault) {
    const text = `${fault.message} ${fault.detail}`;
    if (text === this.#shown) return;
    this.#shown = text;
    byId("monitor-time").textContent = "";
    byId("monitor-windows").replaceChildren();
    byId("monitor-fault").replaceChildren(faultBox(fault, () => this.#retry()));
    this.#on.fault(fault);
  }

  #retry() {
    // the button that was pressed goes
    this.#button.focus();
    this.refresh();
  }
}
