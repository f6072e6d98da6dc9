// The page on which anyone checks a record: takes a file or a text, has it verified right here, and shows what came out.

import { texts } from "./app.js";
import { verify } from "./verify.js";

const say = texts();
const language = document.documentElement.lang.startsWith("zh") ? 0 : 1;
const form = document.getElementById("verify-form");
const verdict = document.getElementById("verdict");
const drop = document.getElementById("drop");
const [file, pasted, head, key] = ["f-file", "f-pasted", "f-head", "f-key"].map((id) => document.getElementById(id));
let turn = 0; // a file given while another is being checked wins

const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const word = (name) => say[name] ?? name;

function element(name, text = "", className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  return made;
}

async function check(read) {
  const mine = ++turn;
  verdict.replaceChildren(element("p", say.checking));
  let data;
  let result;
  try {
    data = await read();
    const published = (field) => field.value.trim().toLowerCase() || null;
    result = await verify(data, { head: published(head), key: published(key) });
  } catch (error) {
    if (mine === turn) verdict.replaceChildren(element("p", `${say.unreadable} (${error.message})`, "notice tone-bad"));
    return;
  }
  if (mine !== turn) return;
  const lines = rowsOf(typeof data === "string" ? data : new TextDecoder().decode(data));
  verdict.replaceChildren(shown(result, lines));
  verdict.scrollIntoView({ block: "start" });
  verdict.focus({ preventScroll: true });
}

/** The lines of the record as values; a line that cannot be read stays a text. The lists opened after them are left out. */
function rowsOf(text) {
  return text.split("\n").filter((line) => line && !line.startsWith('{"kind":')).map((line) => {
    try {
      return JSON.parse(line);
    } catch {
      return line;
    }
  });
}

function shown(result, lines) {
  const parts = document.getElementById("verdict-parts").content.cloneNode(true);
  const outcome = !result.ok ? "fails" : result.full ? "passes_full" : "passes_part";
  const meaning = { fails: "fails_means", passes_full: "full_means", passes_part: "part_means" }[outcome];
  const notice = parts.querySelector(".verify-verdict");
  notice.classList.add({ fails: "tone-bad", passes_full: "tone-good", passes_part: "tone-info" }[outcome]);
  notice.dataset.verdict = outcome;
  notice.querySelector("h2").textContent = say[outcome];
  notice.querySelector("p").textContent = fill(say[meaning], { line: result.findings[0]?.line });
  const findings = parts.querySelector(".verify-findings");
  findings.hidden = !result.findings.length;
  for (const { line, code, text } of result.findings) {
    const item = element("li", `${fill(say.found, { line })}: ${text.split(" / ")[language]} `);
    item.append(element("code", code));
    findings.append(item);
  }
  if (result.summary) facts(parts.querySelector(".verify-facts"), result.summary);
  rounds(parts.querySelector(".verify-rounds"), lines);
  each(parts.querySelector(".verify-lines"), lines, new Set(result.findings.map((finding) => finding.line)));
  return parts;
}

function facts(into, summary) {
  const parties = summary.parties.map(([name, held]) => `${name} (${word(held)})`).join(", ");
  const { draw, rounds, drawn, state, head, key } = summary;
  const rows = { draw, rounds, drawn, state: word(state), parties, head, key, left_out: say.left_out_words };
  for (const [name, value] of Object.entries(rows)) {
    into.append(element("dt", say[name]), element("dd", String(value), name === "head" || name === "key" ? "mono" : ""));
  }
}

/** What each line of chance says, from the file as it is: the verdict above tells how far to believe it. */
function rounds(section, lines) {
  const body = section.querySelector("tbody");
  for (const line of lines) {
    const said = line?.body;
    if (!["round", "sample", "assign"].includes(line?.type) || !said) continue;
    const kind = said.kind ?? { sample: "object", assign: "inspector" }[line.type];
    const needed = said.needed?.map?.(([slot, n]) => `${slot} × ${n}`).join(", ") ?? (said.chosen ?? said.pairs)?.length;
    const row = body.insertRow();
    const cells = [said.round, word(kind), needed, word(said.method ?? "sample"), said.tries];
    cells.forEach((value, i) => row.append(element("td", String(value ?? "—"), i === 0 || i === 4 ? "end" : "")));
    const seed = element("td");
    seed.append(element("code", String(said.seed ?? "—"), "hash"));
    row.append(seed);
  }
  section.hidden = !body.rows.length;
}

function each(section, lines, bad) {
  const body = section.querySelector(".card-body");
  lines.forEach((line, i) => {
    const box = element("details", "", bad.has(i + 1) ? "is-bad" : "");
    const title = line?.type ? fill(say.line, { line: i + 1, type: line.type, at: line.at }) : fill(say.found, { line: i + 1 });
    const text = element("pre");
    text.tabIndex = 0;
    box.append(element("summary", title), text);
    // Long lines are spelt out only when somebody looks.
    box.addEventListener("toggle", () => {
      text.textContent ||= typeof line === "string" ? line : JSON.stringify(line, null, 1);
    });
    body.append(box);
  });
  section.hidden = !lines.length;
}

const bytesOf = (blob) => async () => new Uint8Array(await blob.arrayBuffer());

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (pasted.value.trim()) check(async () => `${pasted.value.replace(/\r\n/g, "\n").trimEnd()}\n`);
  else if (file.files.length) check(bytesOf(file.files[0]));
  else file.focus();
});
file.addEventListener("change", () => {
  pasted.value = "";
  if (file.files.length) check(bytesOf(file.files[0]));
});
for (const name of ["dragenter", "dragover"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("is-over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) drop.classList.remove("is-over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("is-over");
  const [given] = event.dataTransfer.files;
  if (!given) return;
  pasted.value = "";
  file.value = "";
  check(bytesOf(given));
});
