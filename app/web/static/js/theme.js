// Sets light or dark before anything is drawn, so that no page flashes white at night.
(() => {
  const root = document.documentElement;
  const night = window.matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const choice = root.dataset.theme;
    root.dataset.bsTheme = choice === "auto" ? (night.matches ? "dark" : "light") : choice;
  };
  night.addEventListener("change", apply);
  apply();
})();
