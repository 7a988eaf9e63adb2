// Dark or light: the system's choice until the switch is used. Nothing is stored, so a reload follows the system again.

const DARK = matchMedia("(prefers-color-scheme: dark)");

/** Make `button` switch between dark and light. */
export function installTheme(button) {
  const root = document.documentElement;
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : DARK.matches);
  const label = () => {
    button.textContent = isDark() ? "☀ Light" : "☾ Dark";
    button.setAttribute("aria-label", isDark() ? "Light colours" : "Dark colours");
  };
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    label();
  });
  DARK.addEventListener("change", label);
  label();
}
