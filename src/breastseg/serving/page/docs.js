// Starts Swagger UI over this service's own description.

/** Follow the system's colours; Swagger UI has a class for dark ones. */
function followColours() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", apply);
  apply();
}

/** Return the description with this service's address, which may have a sub-path that only a proxy knows. */
async function loadDescription() {
  const response = await fetch("openapi.json");
  return { ...(await response.json()), servers: [{ url: new URL(".", location).href }] };
}

followColours();
// without `null` it would ask another host to judge the description
SwaggerUIBundle({ spec: await loadDescription(), dom_id: "#docs", validatorUrl: null });
