// What the service says about its windows of images, as text and tables.

import { count, element, number, percent, timeOfDay } from "./dom.js";

const NO_PROFILE = "The model carries no reference profile, so there is nothing to hold its images against.";
const TOO_FEW = "Too few images to be judged.";
const SMALLEST_P = 0.001;
const COLUMNS = ["Feature", "PSI", "p-value", "Drifted"];

/** Build what is shown of an answer of `v1/drift`. */
export function driftParts({ windows, model_version: version }) {
  const shown = Object.entries(windows).map(([name, found]) => windowPart(name, found));
  if (!shown.length) shown.push(element("p", {}, NO_PROFILE));
  return [...shown, element("p", { className: "hint" }, `Model version ${version}.`)];
}

/** Say the most important of an answer in one sentence, for those who hear the page. */
export function driftSummary({ windows }) {
  const said = Object.entries(windows).map(
    ([name, { images, alarm }]) => `last ${name} ${count(images, "image")}, alarm ${alarm ? "raised" : "not raised"}`,
  );
  return `Monitor: ${said.join("; ") || NO_PROFILE}`;
}

/** Name the windows whose alarm is raised. */
export function raisedAlarms({ windows }) {
  return Object.keys(windows)
    .filter((name) => windows[name].alarm)
    .join();
}

function windowPart(name, found) {
  const title = element("h3", { id: `window-${name}` }, `Last ${name}`);
  const judged = found.enough ? featureTable(name, found.features) : element("p", {}, TOO_FEW);
  return element("section", { className: "window", "aria-labelledby": title.id }, title, figures(found), judged);
}

/** Figures that are null, or that an older service does not tell, are left out. */
function figures(found) {
  const rows = [
    ["Images", number(found.images)],
    ["Out of distribution", optional(found.out_of_distribution_share, percent)],
    ["Mean expected Dice", optional(found.expected_dice, (dice) => number(dice, 2))],
    ["Answers without a lesion", optional(found.empty_rate, emptyText)],
    ["Alarm", found.alarm ? element("strong", { className: "raised" }, "Raised") : "Not raised"],
    ["Why", found.alarm_reason],
    ["Evaluated next", optional(found.next_evaluation, (time) => timeOfDay(new Date(time)))],
  ].filter(([, text]) => text != null);
  const cells = rows.flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]);
  return element("dl", { className: "facts" }, ...cells);
}

function optional(value, written) {
  return value == null ? null : written(value);
}

function emptyText({ share, lower, upper }) {
  return `${percent(share)}, expected ${percent(lower)} to ${percent(upper)}`;
}

function featureTable(name, features) {
  const sorted = Object.entries(features).sort(([, a], [, b]) => a.p_value - b.p_value || b.psi - a.psi);
  const drifted = sorted.filter(([, feature]) => feature.drifted).length;
  const caption = `${drifted} of ${count(sorted.length, "feature")} drifted in the last ${name}; by p-value`;
  return element(
    "table",
    { className: "features" },
    element("caption", {}, caption),
    element("thead", {}, element("tr", {}, ...COLUMNS.map((column) => element("th", { scope: "col" }, column)))),
    element("tbody", {}, ...sorted.map(featureRow)),
  );
}

function featureRow([name, { psi, p_value: p, drifted }]) {
  const cells = [psi == null ? "n/a" : number(psi, 2), pText(p), drifted ? "Yes" : "No"];
  return element(
    "tr",
    { className: drifted ? "drifted" : "" },
    element("th", { scope: "row" }, name.replaceAll("_", " ")),
    ...cells.map((text) => element("td", {}, text)),
  );
}

function pText(p) {
  return p < SMALLEST_P ? `< ${SMALLEST_P}` : number(p, 3);
}
