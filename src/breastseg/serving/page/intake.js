// The ways in: chosen, dropped, pasted, or the example.

import { byId } from "./dom.js";

const EXAMPLE = "static/example.png";

/** Hand the files of every way in to `add`. */
export function installIntake(add) {
  byId("files").addEventListener("change", (event) => {
    add(event.target.files);
    // so that the same file can be chosen again
    event.target.value = "";
  });
  byId("example").addEventListener("click", () => addExample(add));
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

async function addExample(add) {
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
