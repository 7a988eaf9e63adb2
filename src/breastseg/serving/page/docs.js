// Starts Swagger UI over this service's own description.

/** Follow the system's colours; Swagger UI has a class for dark ones. */
function followColours() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", apply);
  apply();
}

followColours();
// without `null` it would ask another host to judge the description
SwaggerUIBundle({ url: "openapi.json", dom_id: "#docs", validatorUrl: null });
