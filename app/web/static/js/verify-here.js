// Checks a record right on the page that shows it: fetches it as anyone could, and runs the whole verifier in this browser.
//
// <section data-verify="/draws/…/record" data-head="…"> … <button hidden> … <div class="verify-said"> … </section>

import { texts } from "./app.js";
import { verify } from "./verify.js";

const say = texts("verify-texts");
const language = document.documentElement.lang.startsWith("zh") ? 0 : 1;
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

function paragraph(text, name = "p") {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

/** The verdict in words, as a notice; what is wrong line by line. */
function shown({ ok, full, findings, summary }) {
  const outcome = ok ? (full ? "full" : "part") : "fails";
  const notice = document.createElement("div");
  notice.className = `notice tone-${{ full: "good", part: "info", fails: "bad" }[outcome]}`;
  notice.dataset.verdict = outcome;
  const words = document.createElement("div");
  words.append(paragraph(say[outcome], "b"), paragraph(fill(say[`${outcome}_means`], { line: findings[0]?.line })));
  for (const { line, text } of findings) {
    words.append(paragraph(`${fill(say.found, { line })} ${text.split(" / ")[language]}`));
  }
  if (summary) words.append(paragraph(fill(say.told, { rounds: summary.rounds, head: summary.head })));
  notice.append(words);
  return notice;
}

async function check(block) {
  const into = document.getElementById(block.dataset.into);
  into.replaceChildren(paragraph(say.checking));
  try {
    const answer = await fetch(block.dataset.verify);
    if (!answer.ok) throw new Error(String(answer.status));
    into.replaceChildren(shown(await verify(await answer.text(), { head: block.dataset.head || null })));
  } catch (error) {
    into.replaceChildren(paragraph(`${say.unreadable} (${error.message})`, "b"));
  }
}

document.addEventListener("click", (event) => {
  const button = event.target instanceof Element ? event.target.closest("[data-verify-now]") : null;
  const block = button?.closest("[data-verify]");
  if (block) check(block);
});
