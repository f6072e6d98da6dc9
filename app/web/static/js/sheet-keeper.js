// Keeps a score sheet safe: every change is in this browser at once and with the service 600 ms later, or it says why not.

import { Unreachable, call, passing, reason } from "./seat-api.js";
import { write } from "./terminal.js";

const SAVE_AFTER_MS = 600;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 10_000;

/**
 * The member's sheet between the page, this browser's storage and the service.
 *
 * key: where in localStorage a draft lies; it names the member, so that nobody finds another's.
 * Events: "state" when `state` has changed; "content" when `scores` or `note` were changed by something else than `edit`.
 * state.kind: clean, dirty, saving, retrying, refused (`why`), conflict (`theirs`), submitted, signed-out.
 */
export class SheetKeeper extends EventTarget {
  state = { kind: "clean" };
  scores = {};
  note = "";
  savedAt = null;
  #key;
  #revision = 0;
  #timer = 0;
  #failures = 0;
  #saving = null;

  constructor(key) {
    super();
    this.#key = key;
    addEventListener("online", () => this.resume());
    addEventListener("beforeunload", (event) => this.unsaved && event.preventDefault());
  }

  get unsaved() {
    return !["clean", "submitted"].includes(this.state.kind);
  }

  /** Takes the service's sheet; a draft of this browser that the service has not seen is sent after it. */
  open(sheet) {
    const draft = this.#draft();
    this.#take(sheet);
    if (sheet.state === "submitted" || !draft || same(draft, sheet)) {
      localStorage.removeItem(this.#key);
      return;
    }
    Object.assign(this, { scores: draft.scores, note: draft.note });
    this.dispatchEvent(new Event("content"));
    if (draft.revision === sheet.revision) this.#later(0);
    else this.#become({ kind: "conflict", theirs: sheet });
  }

  /** What the service shows later: taken over unless something is being written here. */
  refresh(sheet) {
    if (this.unsaved || sheet.revision < this.#revision) return;
    if (sheet.revision > this.#revision || sheet.state === "submitted") this.#take(sheet);
  }

  edit(scores, note) {
    Object.assign(this, { scores, note });
    this.#keepDraft();
    if (this.state.kind === "conflict") return;
    this.#become({ kind: "dirty" });
    if (!this.#saving) this.#later(SAVE_AFTER_MS);
  }

  /** Tries again what could not be saved. */
  resume() {
    if (["dirty", "retrying", "refused", "signed-out"].includes(this.state.kind)) this.#later(0);
  }

  /** Saves now; true when the service has everything. */
  async flush() {
    while (this.state.kind === "dirty" || this.state.kind === "saving") await this.#save();
    return !this.unsaved;
  }

  /** Settles a conflict: with the service's sheet, or with this page's over it. */
  settle(mine) {
    const { theirs } = this.state;
    this.#revision = theirs.revision;
    if (mine) {
      this.#keepDraft();
      this.#later(0);
    } else {
      localStorage.removeItem(this.#key);
      this.#take(theirs);
    }
  }

  /** Hands the sheet in for good; false with the reason in `state` when it could not be. */
  async submit() {
    if (!(await this.flush())) return false;
    let answer;
    try {
      answer = await write("POST", "/api/seat/sheet/submit");
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      this.#become({ kind: "refused", why: "", code: "unreachable" });
      return false;
    }
    if (!answer.ok) {
      this.#become({ kind: "refused", why: reason(answer), code: answer.data.code });
      return false;
    }
    this.#take(answer.data);
    return true;
  }

  #later(milliseconds) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#save(), milliseconds);
  }

  /** One save at a time; a second call waits for the first. */
  #save() {
    clearTimeout(this.#timer);
    this.#saving ??= this.#send().finally(() => {
      this.#saving = null;
      if (this.state.kind === "dirty") this.#later(SAVE_AFTER_MS);
    });
    return this.#saving;
  }

  async #send() {
    const sent = { revision: this.#revision, scores: this.scores, note: this.note };
    this.#become({ kind: "saving" });
    let answer;
    try {
      answer = await write("PUT", "/api/seat/sheet", sent);
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      this.#retry();
      return;
    }
    if (answer.ok) this.#saved(sent, answer.data);
    else if (answer.status === 401) this.#become({ kind: "signed-out" });
    else if (passing(answer.status)) this.#retry();
    else if (["sheet-moved-on", "sheet-submitted"].includes(answer.data.code)) await this.#compare(sent);
    else this.#become({ kind: "refused", why: reason(answer), code: answer.data.code });
  }

  #saved(sent, answer) {
    this.#failures = 0;
    this.#revision = answer.revision;
    this.savedAt = answer.saved_at;
    if (same(sent, this)) {
      localStorage.removeItem(this.#key);
      this.#become({ kind: "clean" });
    } else {
      this.#keepDraft();
      this.#become({ kind: "dirty" });
    }
  }

  /** The service has another revision: perhaps our own, whose answer was lost on the way. */
  async #compare(sent) {
    let answer;
    try {
      answer = await call("GET", "/api/seat/desk");
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      this.#retry();
      return;
    }
    if (!answer.ok) return this.#retry();
    const { sheet } = answer.data;
    if (sheet.state === "submitted") {
      localStorage.removeItem(this.#key);
      this.#take(sheet);
    } else if (same(sent, sheet)) {
      this.#saved(sent, sheet);
    } else {
      this.#become({ kind: "conflict", theirs: sheet });
    }
  }

  #retry() {
    const wait = Math.min(FIRST_RETRY_MS * 2 ** this.#failures, LONGEST_RETRY_MS);
    this.#failures += 1;
    this.#become({ kind: "retrying" });
    this.#later(wait);
  }

  #take(sheet) {
    this.#revision = sheet.revision;
    Object.assign(this, { scores: sheet.scores, note: sheet.note, savedAt: sheet.saved_at });
    this.#become({ kind: sheet.state === "submitted" ? "submitted" : "clean" });
    this.dispatchEvent(new Event("content"));
  }

  #draft() {
    try {
      return JSON.parse(localStorage.getItem(this.#key));
    } catch {
      return null; // not ours, or cut short: nothing that could be sent
    }
  }

  #keepDraft() {
    localStorage.setItem(
      this.#key,
      JSON.stringify({ revision: this.#revision, scores: this.scores, note: this.note }),
    );
  }

  #become(state) {
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }
}

/** Whether two sheets hold the same, whatever the order of their keys. */
export function same(one, other) {
  return one.note === other.note && spelled(one.scores) === spelled(other.scores);
}

function spelled(scores) {
  const cells = [];
  for (const [bidder, row] of Object.entries(scores)) {
    for (const [criterion, points] of Object.entries(row)) cells.push(`${bidder} ${criterion} ${points}`);
  }
  return cells.sort().join("\n");
}
