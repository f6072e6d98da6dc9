// The expert's door: says which seat this machine belongs to, and has its key vouch for the code that is typed.

import { texts as pageTexts } from "./app.js";
import { Unreachable, call, fill, reason } from "./seat-api.js";
import { digitsOf, prove, terminal } from "./terminal.js";

const form = document.querySelector("[data-seat-door]");
const here = document.querySelector("[data-part=here]");
const trouble = document.querySelector("[data-part=trouble]");
const texts = pageTexts();
let proved = false;

terminal().then(
  (known) => {
    here.dataset.state = known ? "enrolled" : "none";
    here.textContent = known ? fill(texts.here, { place: known.place }) : texts.none;
  },
  () => {
    here.dataset.state = "none";
    here.textContent = texts.none;
  },
);

form.addEventListener("submit", (event) => {
  if (proved) return;
  event.preventDefault();
  form.querySelector("button").disabled = true;
  vouch()
    .then((said) => {
      if (said) {
        trouble.textContent = said;
        trouble.hidden = false;
        return;
      }
      proved = true;
      form.submit();
    })
    .finally(() => {
      form.querySelector("button").disabled = false;
    });
});

/** Fills in the terminal's proof; what went wrong in words, or nothing. */
async function vouch() {
  try {
    if (!(await terminal().catch(() => null))) return ""; // as above: what cannot be read is no terminal
    const asked = await call("POST", "/api/terminal/challenge", { purpose: "seat" });
    if (!asked.ok) return reason(asked);
    const proof = await prove("seat", asked.data.challenge, digitsOf(form.elements.code.value));
    for (const [name, value] of Object.entries(proof)) form.elements[name].value = value;
    return "";
  } catch (error) {
    if (error instanceof Unreachable) return texts.unreachable;
    throw error;
  }
}
