// Makes the link of a party without an account, shows it once, and copies it; on paper every round says how it came about.

import { texts } from "./app.js";

const say = texts("link-texts");
const form = document.getElementById("link-form");
const made = document.getElementById("link-made");
const said = document.getElementById("link-said");
const address = document.getElementById("f-link");

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await fetch(form.dataset.address, { method: "POST" });
  const told = await answer.json();
  said.textContent = answer.ok ? say.made : [told.detail, told.remedy].filter(Boolean).join(" ");
  made.hidden = !answer.ok;
  if (answer.ok) {
    address.value = told.url;
    address.focus();
    address.select();
  }
});

document.getElementById("link-copy")?.addEventListener("click", async () => {
  address.select();
  try {
    await navigator.clipboard.writeText(address.value);
    said.textContent = say.copied;
  } catch {
    said.textContent = say.copy_yourself; // no clipboard outside a secure context: it stays selected
  }
});

window.addEventListener("beforeprint", () => {
  for (const how of document.querySelectorAll(".round details")) how.open = true;
});
