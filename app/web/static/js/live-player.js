// Shows one track of a running room as its bytes come over the socket: near the newest picture, or some time behind it.
// A connection of the seat, a change of codec or of size begins with a new header; the element goes on.

const BEHIND_S = 20; // how much played media to keep
const NEAR_S = 0.35; // so far behind the newest media is live
const FAR_S = 2.5; // further behind than this: jump
const HURRY = 1.15; // between the two: catch up gently
const DURATION_S = 7 * 86_400;
const EDGE_S = 0.02;

export class LivePlayer {
  #source = new MediaSource();
  #buffer = null;
  #mime = null;
  #queue = []; // {bytes, mime?} in the order they came
  #url = URL.createObjectURL(this.#source);

  /** element: a <video> or <audio> of its own. fromMs: room time to begin at; null for the newest. */
  constructor(element, track, fromMs) {
    this.element = element;
    this.seatNo = track.seat_no;
    this.source = track.source;
    this.fromMs = fromMs;
    this.failed = false;
    this.started = false;
    this.headerNext = null;
    element.src = this.#url;
    this.#source.addEventListener("sourceopen", () => this.#pump(), { once: true });
    element.addEventListener("error", () => this.#fail(element.error));
  }

  /** Whether it follows the newest picture. */
  get live() {
    return this.fromMs === null;
  }

  /** Room time shown, in ms; null before the first picture. */
  get nowMs() {
    return this.started ? this.element.currentTime * 1000 : null;
  }

  /** Room time of the newest media that has come, in ms; null before any. */
  get newestMs() {
    const ranges = this.element.buffered;
    return ranges.length ? ranges.end(ranges.length - 1) * 1000 : null;
  }

  /** The next bytes open a file that holds `mime`. */
  file(mime) {
    this.headerNext = mime;
  }

  take(bytes) {
    if (this.failed) return;
    this.#queue.push({ bytes, mime: this.headerNext });
    this.headerNext = null;
    this.#pump();
  }

  /** Keeps near the newest picture, or, behind it, steps over what is missing. Called a few times a second. */
  tick() {
    if (this.failed) return;
    this.#pump();
    const ranges = this.element.buffered;
    if (ranges.length === 0) return;
    if (!this.started) this.#start(ranges);
    const at = this.element.currentTime;
    const newest = ranges.end(ranges.length - 1);
    if (this.live) {
      if (newest - at > FAR_S || at > newest) this.element.currentTime = Math.max(ranges.start(ranges.length - 1), newest - NEAR_S);
      this.element.playbackRate = newest - at > 3 * NEAR_S ? HURRY : 1;
    } else if (!within(ranges, at)) {
      const next = nextStart(ranges, at);
      if (next !== null) this.element.currentTime = next + EDGE_S;
    }
    if (this.element.paused) this.element.play().catch((error) => this.#cannotPlay(error));
  }

  close() {
    this.failed = true;
    this.element.pause();
    this.element.removeAttribute("src");
    this.element.load();
    URL.revokeObjectURL(this.#url);
  }

  #start(ranges) {
    const first = ranges.start(0);
    const last = ranges.end(ranges.length - 1);
    this.element.currentTime = this.live
      ? Math.max(first, last - NEAR_S)
      : Math.min(Math.max(first, this.fromMs / 1000), last - EDGE_S);
    this.started = true;
  }

  #pump() {
    if (this.failed || this.#source.readyState !== "open" || this.#buffer?.updating) return;
    const next = this.#queue[0];
    try {
      if (this.#buffer && this.#forgets()) return;
      if (!next) return;
      if (next.mime !== null) this.#expect(next.mime);
      this.#buffer.appendBuffer(next.bytes);
      this.#queue.shift();
    } catch (error) {
      if (error.name !== "QuotaExceededError") {
        this.#fail(error);
        return;
      }
      this.#buffer.remove(0, Math.max(0.001, this.element.currentTime - 2));
    }
  }

  #expect(mime) {
    if (this.#buffer === null) {
      this.#source.duration = DURATION_S;
      this.#buffer = this.#source.addSourceBuffer(mime);
      this.#buffer.addEventListener("updateend", () => this.#pump());
      this.#buffer.addEventListener("error", () => this.#fail(new Error("media refused")));
    } else if (mime !== this.#mime) {
      this.#buffer.changeType(mime);
    }
    this.#mime = mime;
  }

  /** Drops what was played long ago; whether it has begun to. */
  #forgets() {
    const ranges = this.#buffer.buffered;
    const keepFrom = this.element.currentTime - BEHIND_S;
    if (ranges.length === 0 || ranges.start(0) > keepFrom - BEHIND_S) return false;
    this.#buffer.remove(0, keepFrom);
    return true;
  }

  #cannotPlay(error) {
    if (error.name === "NotAllowedError") this.element.dispatchEvent(new CustomEvent("gesture-needed", { bubbles: true }));
  }

  #fail(error) {
    if (this.failed) return;
    this.failed = true;
    this.element.dispatchEvent(new CustomEvent("track-failed", { bubbles: true, detail: String(error?.message ?? error) }));
  }
}

function within(ranges, at) {
  for (let i = 0; i < ranges.length; i += 1) if (ranges.start(i) - EDGE_S <= at && at < ranges.end(i)) return true;
  return false;
}

function nextStart(ranges, at) {
  for (let i = 0; i < ranges.length; i += 1) if (ranges.start(i) > at) return ranges.start(i);
  return null;
}
