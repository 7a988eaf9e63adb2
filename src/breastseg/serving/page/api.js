// Asks the service, and turns whatever goes wrong into words for a person.

// relative, so that it works under a sub-path too
const SEGMENT = "v1/segment";
const DRIFT = "v1/drift";
const MODEL = "v1/model";

const OWN_PROBLEM = "urn:breastseg:problem:";

// what may go otherwise a second time: no answer, no key, too slow, too many
const PASSING = new Set([0, 401, 403, 408, 429]);

/** What went wrong with a request, as a title and a sentence or two. */
export class Fault extends Error {
  /** `status` is HTTP's, 0 where no answer came. */
  constructor(title, detail, status = 0) {
    super(title);
    this.detail = detail;
    this.status = status;
  }

  /** Whether the same request may get an answer when it is sent again. */
  get mayPass() {
    return PASSING.has(this.status) || this.status >= 500;
  }
}

/**
 * Find the lesions of one image, with the pictures named in `include`; `key` may be empty, and so may `frame`, the
 * number of a DICOM file's frame.
 *
 * Returns the answer as it came (`text`) and as an object (`value`). Throws `Fault`, or `AbortError` where `signal` says so.
 */
export async function segment(file, { include, frame, key, signal }) {
  await requireReadable(file);
  const body = new FormData();
  body.append("file", file);
  const query = `include=${include.join(",")}${frame && `&frame=${encodeURIComponent(frame)}`}`;
  return ask(`${SEGMENT}?${query}`, "lesions", key, { method: "POST", body, signal });
}

/** Ask how the images of the last hour and day differ from the reference; returns and throws as `segment` does. */
export async function drift({ key, signal }) {
  return ask(DRIFT, "windows", key, { signal });
}

/** Ask which model answers, and what its file says of it; returns and throws as `segment` does. */
export async function model({ key, signal }) {
  return ask(MODEL, "contract", key, { signal });
}

/** A folder, or a file that was moved since, would else look like a lost connection. */
async function requireReadable(file) {
  const unreadable = new Fault("The file cannot be read", "Is it a folder, or was it moved? Choose the image again.", 400);
  await file
    .slice(0, 1)
    .arrayBuffer()
    .catch(() => fail(unreadable));
}

/** The service's answer to a request has the member `expected`. */
async function ask(address, expected, key, request) {
  // accepting problem details by name too: proxies in between may choose by it
  const headers = { Accept: "application/json, application/problem+json" };
  if (key) headers.Authorization = `Bearer ${key}`;
  const response = await fetch(address, { ...request, headers }).catch(unreachable);
  const text = await response.text().catch(unreachable);
  if (!response.ok) throw problem(response, text);
  const value = parse(text);
  if (!value?.[expected]) throw foreign(response);
  return { text, value };
}

function unreachable(error) {
  if (error.name === "AbortError") throw error;
  throw new Fault("The service cannot be reached", "Check the connection and that the service runs, then try again.");
}

/** Read problem details after RFC 9457; what is none was not said by this service. */
function problem(response, text) {
  const details = parse(text);
  if (!details?.title) return foreign(response);
  const sentences = [details.detail, wayOut(response, details)].filter(Boolean);
  return new Fault(details.title, sentences.map(ended).join(" "), response.status);
}

function ended(sentence) {
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`;
}

function wayOut(response, { type }) {
  if (response.status === 401) return "Enter an access key under “Access key”, then try again.";
  // the service's own words say when
  if (String(type).startsWith(OWN_PROBLEM)) return null;
  const wait = response.headers.get("Retry-After");
  return wait && `Try again in ${wait} s.`;
}

/** Something between the page and the service answered, such as a proxy. */
function foreign(response) {
  const detail = `It has status ${response.status}. A proxy before the service may refuse the request; ask who runs it.`;
  return new Fault("The answer is not the service’s", detail, response.status);
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function fail(fault) {
  throw fault;
}
