// The score sheet: bidders by criteria, points with at most two decimals, kept as whole hundredths.

import { fill } from "./seat-api.js";

const POINTS = /^\d{1,4}(\.\d{0,2})?$/;

/** "12.5" → 1250; null when empty; NaN when it is no number of points. */
export function hundredths(text) {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  if (!POINTS.test(trimmed)) return NaN;
  const [whole, part = ""] = trimmed.split(".");
  return Number(whole) * 100 + Number(part.padEnd(2, "0"));
}

/** 1250 → "12.5". */
export function points(value) {
  return String(value / 100);
}

/**
 * <score-sheet>: `show(bidders, criteria)` builds the table, `scores` are its valid entries.
 *
 * Event: "edit" when an entry was changed by hand.
 */
export class ScoreSheet extends HTMLElement {
  #texts = {};
  #bidders = [];
  #criteria = [];
  #inputs = new Map();
  #totals = new Map();
  #shown = "";

  set texts(texts) {
    this.#texts = texts;
  }

  connectedCallback() {
    this.addEventListener("input", (event) => {
      if (!(event.target instanceof HTMLInputElement)) return;
      this.#check(event.target);
      this.#sum();
      this.dispatchEvent(new Event("edit"));
    });
    this.addEventListener("keydown", (event) => this.#move(event));
    // Turning the wheel over a focused number field changes it; a score must not change by scrolling.
    this.addEventListener("wheel", (event) => event.target === document.activeElement && event.target.blur(), {
      passive: true,
    });
  }

  show(bidders, criteria) {
    const shown = JSON.stringify([bidders, criteria]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    Object.assign(this, { hidden: bidders.length === 0 });
    this.#bidders = bidders;
    this.#criteria = criteria;
    this.#inputs.clear();
    this.#totals.clear();
    this.replaceChildren(this.#table());
  }

  /** Valid entries as bidder → criterion → hundredths. */
  get scores() {
    const scores = {};
    for (const [input, { bidder, criterion }] of this.#inputs) {
      const value = this.#valid(input, criterion);
      if (value !== null) (scores[bidder.id] ??= {})[criterion.id] = value;
    }
    return scores;
  }

  set scores(scores) {
    for (const [input, { bidder, criterion }] of this.#inputs) {
      const value = scores[bidder.id]?.[criterion.id];
      const text = value === undefined ? "" : points(value);
      // What the hand is just writing stays; "7." must not become "7" under it.
      if (hundredths(input.value) !== (value ?? null)) input.value = text;
      this.#check(input);
    }
    this.#sum();
  }

  set disabled(disabled) {
    for (const input of this.#inputs.keys()) input.disabled = disabled;
  }

  /** Cells that are empty or wrong, in reading order. */
  get open() {
    return [...this.#inputs].filter(([input, { criterion }]) => this.#valid(input, criterion) === null).map(([input]) => input);
  }

  get wrong() {
    return [...this.#inputs.keys()].filter((input) => input.getAttribute("aria-invalid") === "true");
  }

  /** [bidder's name, points in hundredths or null while entries are open]. */
  get totals() {
    const { scores } = this;
    return this.#bidders.map(({ id, name }) => {
      const row = Object.values(scores[id] ?? {});
      return [name, row.length === this.#criteria.length ? row.reduce((sum, value) => sum + value, 0) : null];
    });
  }

  #table() {
    const table = element("table", "sheet");
    const head = table.createTHead().insertRow();
    head.append(heading("col", this.#texts.bidder, "sheet-bidder"));
    for (const { name, max } of this.#criteria) {
      const cell = heading("col", name);
      cell.append(element("small", "", fill(this.#texts.most, { max: points(max) })));
      head.append(cell);
    }
    const most = this.#criteria.reduce((sum, { max }) => sum + max, 0);
    const total = heading("col", this.#texts.total, "sheet-total");
    total.append(element("small", "", fill(this.#texts.most, { max: points(most) })));
    head.append(total);
    const body = table.createTBody();
    this.#bidders.forEach((bidder, index) => this.#row(body.insertRow(), bidder, index));
    return table;
  }

  #row(row, bidder, index) {
    const name = heading("row", "", "sheet-bidder");
    name.append(element("span", "sheet-number", String(index + 1)), element("span", "sheet-name", bidder.name));
    row.append(name);
    for (const criterion of this.#criteria) {
      const input = element("input", "sheet-input");
      Object.assign(input, { type: "number", min: "0", max: points(criterion.max), step: "0.01", inputMode: "decimal" });
      input.autocomplete = "off";
      input.setAttribute(
        "aria-label",
        fill(this.#texts.cell, { bidder: bidder.name, criterion: criterion.name, max: points(criterion.max) }),
      );
      this.#inputs.set(input, { bidder, criterion });
      row.insertCell().append(input);
    }
    const total = element("output", "");
    total.setAttribute("aria-label", fill(this.#texts.total_of, { bidder: bidder.name }));
    this.#totals.set(bidder.id, total);
    const cell = row.insertCell();
    cell.className = "sheet-total";
    cell.append(total);
  }

  #valid(input, { max }) {
    if (input.validity.badInput) return null;
    const value = hundredths(input.value);
    return value === null || Number.isNaN(value) || value > max ? null : value;
  }

  #check(input) {
    const { criterion } = this.#inputs.get(input);
    const empty = input.value === "" && !input.validity.badInput;
    const wrong = !empty && this.#valid(input, criterion) === null;
    input.toggleAttribute("aria-invalid", wrong);
    if (wrong) input.setAttribute("aria-invalid", "true");
    input.title = wrong ? fill(this.#texts.cell_wrong, { max: points(criterion.max) }) : "";
  }

  #sum() {
    const { scores } = this;
    for (const { id } of this.#bidders) {
      const row = Object.values(scores[id] ?? {});
      const total = this.#totals.get(id);
      total.value = row.length ? points(row.reduce((sum, value) => sum + value, 0)) : "—";
      total.classList.toggle("is-open", row.length < this.#criteria.length);
    }
  }

  /** Enter goes to the next bidder's same criterion, as on paper. */
  #move(event) {
    if (event.key !== "Enter" || !this.#inputs.has(event.target)) return;
    event.preventDefault();
    const inputs = [...this.#inputs.keys()];
    const next = inputs[inputs.indexOf(event.target) + this.#criteria.length * (event.shiftKey ? -1 : 1)];
    next?.focus();
    next?.select();
  }
}

function element(name, className, text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

function heading(scope, text, className = "") {
  const made = element("th", className, text);
  made.scope = scope;
  return made;
}

customElements.define("score-sheet", ScoreSheet);
