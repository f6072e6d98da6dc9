// A party's own page: decides who keeps the share, and says what is due with a share kept in this browser or pasted.

import { texts } from "./app.js";
import { Refused, Share, canSign, lastOf } from "./party-share.js";

const say = texts();
const byId = (id) => document.getElementById(id);
const root = byId("party");
const { evaluation, party, suite, speak, record, file } = root.dataset;
const PLACE = `yuanping-party:${evaluation}:${party}`;
const said = byId("party-said");
const title = document.title;
let share = null;
let fits = false; // whether the share here is the one that was promised
let busy = false;
let lost = false; // whether the network was away when something was to be said
let tried = ""; // the round that was already tried by itself, so that a refusal is not repeated for ever

const standing = () => document.querySelector("#standing > [data-due]").dataset;
const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

function tell(text, tone) {
  said.textContent = text;
  said.className = `notice tone-${tone}`;
  said.hidden = false;
}

// ── what this browser remembers ─────────────────────────────────────────────────────────────────────────

function remembered(part) {
  try {
    return localStorage.getItem(`${PLACE}${part}`);
  } catch {
    return null; // a browser that keeps nothing: the file is the only place then
  }
}

function remember(part, text) {
  try {
    localStorage.setItem(`${PLACE}${part}`, text);
  } catch {
    // as above: the file was offered for download
  }
}

function download() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([share.text], { type: "application/json" }));
  link.download = file;
  link.click();
  URL.revokeObjectURL(link.href);
}

// ── what is said to the service ─────────────────────────────────────────────────────────────────────────

/** Sends a statement, or nothing but the wish; throws what the service refuses, in its own words. */
async function send(step, text) {
  const body = text === undefined ? {} : { headers: { "Content-Type": "application/json" }, body: JSON.stringify({ text }) };
  const answer = await fetch(`${speak}/${step}`, { method: "POST", ...body });
  if (answer.ok) return;
  const told = await answer.json();
  throw new Error([told.detail, told.remedy].filter(Boolean).join(" "));
}

/** One act at a time; whatever is refused is said on the page. */
async function act(work) {
  if (busy) return;
  busy = true;
  try {
    await work();
  } catch (error) {
    if (error instanceof Refused) tell(fill(say[error.code], error.values), "bad");
    else if (error instanceof TypeError) {
      lost = true;
      tell(say.network, "bad");
    } else tell(error.message, "bad");
  } finally {
    busy = false;
    await show();
  }
}

async function promise() {
  await send("promise", await share.promise());
  remember("", share.text);
}

async function speakUp(step) {
  tell(say.busy, "info");
  const answer = await fetch(record);
  const lines = await answer.text();
  const seen = JSON.parse(remembered(":seen") ?? "null");
  const statement = await share[step](lines, seen);
  remember(":seen", JSON.stringify(lastOf(lines)));
  await send(step, statement);
  tell(say[`said_${step}`], "good");
}

async function take(input) {
  const [given] = input.files;
  if (!given) return;
  share = Share.read(await given.text(), party);
  if (!standing().committed) await promise();
  remember("", share.text);
  tell(say.taken, "good");
}

// ── what the page shows ─────────────────────────────────────────────────────────────────────────────────

async function show() {
  const { due, held, key, committed, round } = standing();
  const able = await canSign();
  fits = able && held === "own" && share !== null && (await share.key()) === key;
  byId("ways").hidden = Boolean(committed);
  byId("insecure").hidden = globalThis.isSecureContext;
  byId("do-make").disabled = !able;
  byId("do-download").hidden = !fits;
  byId("respond").hidden = !due;
  byId("respond-here").hidden = !fits;
  byId("respond-file").hidden = fits || !able;
  root.hidden = Boolean(committed) && !due && said.hidden;
  document.title = due ? `● ${say.due} · ${title}` : title;
  if (!due) return;
  byId("do-say").textContent = say[`do_${due}`];
  root.querySelector("[data-step]").textContent = due;
  if (due === "reveal" && fits && byId("f-auto").checked && tried !== round && !busy) {
    tried = round;
    act(() => speakUp("reveal"));
  }
}

byId("do-keep").addEventListener("click", () => act(async () => {
  await send("keep");
  tell(say.kept, "good");
}));
byId("do-make").addEventListener("click", () => act(async () => {
  if (!(await canSign())) throw new Error(say.no_key);
  if (share?.suite !== suite) share = Share.make(party, suite);
  remember("", share.text); // before anything is said: a promise without its share could never be kept
  download();
  await promise();
  tell(fill(say.made, { file }), "good");
}));
byId("do-download").addEventListener("click", download);
byId("do-promise").addEventListener("click", () => act(async () => {
  await send("promise", byId("f-promise").value);
  byId("f-promise").value = "";
  tell(say.said_promise, "good");
}));
byId("do-paste").addEventListener("click", () => act(async () => {
  const { due } = standing();
  await send(due, byId("f-statement").value);
  byId("f-statement").value = "";
  tell(say[`said_${due}`], "good");
}));
byId("do-say").addEventListener("click", () => act(() => speakUp(standing().due)));
for (const id of ["f-share", "f-share-before"]) {
  byId(id).addEventListener("change", (event) => act(() => take(event.target)));
}
byId("f-auto").checked = remembered(":auto") === "1";
byId("f-auto").addEventListener("change", (event) => {
  tried = standing().round; // this round is still revealed by hand
  remember(":auto", event.target.checked ? "1" : "");
});
document.addEventListener("refreshed", () => {
  if (lost) tried = ""; // the page could be fetched: the network is back
  lost = false;
  show();
});

const kept = remembered("");
if (kept) share = Share.read(kept, party);
show();
