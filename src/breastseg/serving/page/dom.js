// The little that the other modules need to build elements without a framework.

const NUMBER = new Intl.NumberFormat("en");
const TIME = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });

/** Return the element with this id; a wrong id is a mistake in the page and fails at once. */
export function byId(id) {
  const node = document.getElementById(id);
  if (!node) throw new Error(`the page has no element #${id}`);
  return node;
}

/** Make an element; names with a dash, and `role`, are attributes, all others properties. Text is never read as HTML. */
export function element(tag, settings = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(settings)) {
    if (name.includes("-") || name === "role") node.setAttribute(name, value);
    else node[name] = value;
  }
  node.append(...children);
  return node;
}

/** Write a number with thousands apart, and at most `digits` decimals where they are given. */
export function number(value, digits) {
  return digits === undefined ? NUMBER.format(value) : value.toFixed(digits);
}

/** Write the time of day of a date, in the viewer's zone. */
export function timeOfDay(date) {
  return TIME.format(date);
}

/** Write a share of 0 to 1 as percent. */
export function percent(share) {
  const value = share * 100;
  return `${value.toFixed(value < 1 ? 2 : 1)} %`;
}

/** Write a count with its noun. */
export function count(n, noun) {
  return n === 1 ? `1 ${noun}` : `${number(n)} ${noun}s`;
}
