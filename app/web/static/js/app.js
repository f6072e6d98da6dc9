// What every page can do where scripts run: switch the theme in place, count down, refresh itself.

import "./count-down.js";
import "./live-refresh.js";
import "./form-rows.js";
import "./still-here.js";

/** The texts a page gives its scripts, already in the reader's language. */
export function texts(id = "texts") {
  const block = document.getElementById(id);
  return block ? JSON.parse(block.textContent) : {};
}

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("[data-theme-to]") : null;
  if (!link) return;
  event.preventDefault();
  const theme = link.dataset.themeTo;
  const [name, secure] = location.protocol === "https:" ? ["__Host-theme", "; Secure"] : ["theme", ""]; // app/web/choices.py
  document.cookie = `${name}=${theme}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
  document.documentElement.dataset.theme = theme;
  document.documentElement.dataset.bsTheme = theme;
});

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
