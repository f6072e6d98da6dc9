// Tells the service, at most once a minute, that somebody is at the page and does something there.
//
// What a page fetches by itself does not keep a session open: only people do. Works where the page says `data-staff`.

const EVERY_MS = 60_000;
let told = Date.now();

function stillHere() {
  if (Date.now() - told < EVERY_MS) return;
  told = Date.now();
  // Whether the session has ended meanwhile, the next page will say.
  fetch("/account/here", { method: "POST", redirect: "manual" }).catch(() => {});
}

if (document.body.hasAttribute("data-staff")) {
  for (const kind of ["pointerdown", "keydown"]) {
    document.addEventListener(kind, stillHere, { passive: true });
  }
}
