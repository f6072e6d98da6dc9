// The page at which a machine becomes the terminal of a seat.

import { texts as pageTexts } from "./app.js";
import { Unreachable, fill, reason } from "./seat-api.js";
import { able, enroll, terminal } from "./terminal.js";

const form = document.querySelector("[data-terminal-enroll]");
const here = document.querySelector("[data-part=here]");
const told = document.querySelector("[data-part=told]");
const texts = pageTexts();

function tell(tone, text) {
  told.className = `notice tone-${tone}`;
  told.dataset.tone = tone;
  told.textContent = text;
  told.hidden = false;
}

async function show() {
  const known = await terminal().catch(() => {
    tell("bad", texts.not_kept); // before a code is used up for a key that this browser will not keep
    return null;
  });
  here.dataset.state = known ? "enrolled" : "none";
  here.textContent = known ? fill(texts.here, { place: known.place }) : texts.none;
}

if (able()) show();
else {
  tell("bad", texts.insecure);
  form.querySelector("button").disabled = true;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  enroll(form.elements.code.value)
    .then(async (answer) => {
      if (!answer.ok) {
        tell("bad", reason(answer));
        return;
      }
      form.reset();
      await show();
      tell("good", fill(texts.done, { place: answer.data.place }));
    })
    .catch((error) => {
      tell("bad", error instanceof Unreachable ? texts.unreachable : texts.not_kept);
    })
    .finally(() => {
      button.disabled = false;
    });
});
