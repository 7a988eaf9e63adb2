// How every fault is told: in words, to those who hear the page too, with a way to try again where that may help.

import { element } from "./dom.js";

/** Tell a `Fault`; `retry` is called by the button, which only stands there where another try may pass. */
export function faultBox(fault, retry) {
  const words = element("p", {}, element("strong", {}, fault.message), `. ${fault.detail}`);
  const box = element("div", { className: "fault" }, element("div", { role: "alert" }, words));
  if (fault.mayPass) box.append(element("button", { type: "button", onclick: retry }, "Try again"));
  return box;
}
