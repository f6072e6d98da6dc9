// The browser's copy of docs/room-protocol.md, version 2: one socket that comes back by itself.

import { Unreachable, call, passing } from "./seat-api.js";
import { prove } from "./terminal.js";

const VERSION = 2;
const SILENCE_MS = 3_000; // the service says something each second; three without a word mean a dead line
const CONNECT_MS = 6_000;
const PROBE_MS = 3_000;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5_000;
const MOVED = 4421; // another process holds the room by now: a new ticket says where
const FINAL = new Map([
  [4403, "refused"],
  [4409, "replaced"],
  [4410, "closed"],
]);

/**
 * The connection of one page to its room.
 *
 * Events: "state" when `state` has changed; "message" with a message of the service as `detail`.
 * state: off, connecting, connected, waiting (until `retryAt`), or for good: refused, replaced, closed, signed-out.
 */
export class SeatRoom extends EventTarget {
  state = "off";
  retryAt = 0;
  #socket = null;
  #attempt = 0;
  #failures = 0;
  #timer = 0;
  #silence = 0;
  #page = crypto.getRandomValues(new Uint32Array(4)).join("-");

  constructor({ language, ticketAddress = "/api/seat/ticket" }) {
    super();
    this.language = language;
    this.ticketAddress = ticketAddress;
    addEventListener("online", () => this.hurry());
    document.addEventListener("visibilitychange", () => document.hidden || this.hurry());
    addEventListener("pagehide", () => this.#drop());
    addEventListener("pageshow", (event) => event.persisted && this.start());
  }

  /** Connects, also after a final state: whoever calls this knows why it may work now. */
  start() {
    this.#failures = 0;
    this.#connect();
  }

  /** Sends when there is a connection; says whether there was one. */
  send(message) {
    if (this.state !== "connected") return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** The network or the page came back: tries now instead of later, and probes a line that may be dead. */
  hurry() {
    if (this.state === "waiting") this.#connect();
    else if (this.send({ type: "ping", t: Date.now() })) this.#listenFor(PROBE_MS);
  }

  async #connect() {
    this.#drop();
    const attempt = ++this.#attempt;
    this.#become("connecting");
    let answer;
    try {
      answer = await this.#ticket();
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      if (attempt === this.#attempt) this.#wait();
      return;
    }
    if (attempt !== this.#attempt) return;
    if (answer.ok) this.#open(attempt, answer.data);
    else if (answer.status === 401) this.#become("signed-out");
    else if (answer.status === 409) this.#become("closed");
    else if (passing(answer.status)) this.#wait();
    else this.#become("refused");
  }

  /** Asks for a ticket, with the proof of this machine's key where it is a terminal. */
  async #ticket() {
    const asked = await call("POST", "/api/seat/challenge");
    if (!asked.ok) return asked;
    const proof = await prove("ticket", asked.data.challenge);
    return call("POST", this.ticketAddress, proof ?? undefined);
  }

  #open(attempt, { ticket, address }) {
    const socket = new WebSocket(address);
    this.#socket = socket;
    const current = () => attempt === this.#attempt;
    socket.addEventListener("open", () => {
      socket.send(JSON.stringify({ type: "hello", v: VERSION, ticket, page: this.#page, lang: this.language }));
    });
    socket.addEventListener("message", (event) => {
      if (!current()) return;
      this.#listenFor(SILENCE_MS);
      const message = JSON.parse(event.data);
      if (message.type === "welcome") {
        this.#failures = 0;
        this.#become("connected");
      }
      this.dispatchEvent(new CustomEvent("message", { detail: message }));
    });
    socket.addEventListener("close", (event) => {
      if (!current()) return;
      this.#drop();
      const final = FINAL.get(event.code);
      if (final) this.#become(final);
      else if (event.code === MOVED && this.state === "connected") this.#connect();
      else this.#wait();
    });
    this.#listenFor(CONNECT_MS);
  }

  #listenFor(milliseconds) {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#wait(), milliseconds);
  }

  #wait() {
    this.#drop();
    this.#attempt += 1;
    const longest = Math.min(FIRST_WAIT_MS * 2 ** this.#failures, LONGEST_WAIT_MS);
    this.#failures += 1;
    const wait = longest / 2 + (Math.random() * longest) / 2;
    this.retryAt = Date.now() + wait;
    this.#timer = setTimeout(() => this.#connect(), wait);
    this.#become("waiting");
  }

  #drop() {
    clearTimeout(this.#timer);
    clearTimeout(this.#silence);
    this.#socket?.close();
    this.#socket = null;
  }

  #become(state) {
    if (state === this.state) return;
    this.state = state;
    this.dispatchEvent(new Event("state"));
  }
}
