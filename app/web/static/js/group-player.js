// Plays all tracks of a room in step: one clock, one media element per track, every element led by the clock.
// A track without media never stops the others; a track whose media is merely late holds the room for a moment.

import { RoomClock } from "./room-clock.js";

const TICK_MS = 100;
const HOLD_AT_MOST_MS = 4_000; // a seat that stays late for longer is left behind until it catches up
const LIVE_MARGIN_MS = 1_500; // while the room runs, stay this far behind the newest media
const LOUDEST_RATE = 2; // faster than this, sound is left out
export const RATES = [0.5, 1, 2, 4, 8];
export const FRAME_MS = 40;

export class GroupPlayer extends EventTarget {
  #timer = null;
  #wanted = false;
  #heldSince = null;
  #late = new Set();

  constructor() {
    super();
    this.clock = new RoomClock();
    this.tracks = [];
    this.from = 0;
    this.to = 0;
    this.sealed = false;
    this.solo = null;
    this.muted = false;
    this.onVisible = () => document.visibilityState === "visible" && this.resync();
    document.addEventListener("visibilitychange", this.onVisible);
    this.#timer = setInterval(() => this.tick(), TICK_MS);
  }

  /** The room time that is being shown, in milliseconds. */
  get now() {
    return this.clock.now();
  }

  get playing() {
    return this.#wanted;
  }

  /** Whether the room waits for media of some seat. */
  get buffering() {
    return this.#heldSince !== null;
  }

  get rate() {
    return this.clock.rate;
  }

  set rate(rate) {
    this.clock.rate = rate;
    this.#volumes();
    this.#changed();
  }

  add(track) {
    this.tracks.push(track);
    this.#volumes();
  }

  setRange(from, to, sealed) {
    this.from = from;
    this.to = to;
    this.sealed = sealed;
  }

  play() {
    if (this.sealed && this.now >= this.to) this.clock.seek(this.from);
    this.#wanted = true;
    this.tick();
    this.#changed();
  }

  pause() {
    this.#wanted = false;
    this.#heldSince = null;
    this.clock.hold();
    this.tick(true);
    this.#changed();
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  seek(ms) {
    this.clock.seek(Math.max(this.from, Math.min(ms, this.#last())));
    this.#heldSince = null;
    this.#late.clear();
    this.tick(true);
    this.#changed();
  }

  /** One frame forward (1) or back (-1), standing still. */
  step(frames) {
    if (this.playing) this.pause();
    this.seek(this.now + frames * FRAME_MS);
  }

  /** Sound of one seat only; null gives all seats their sound back. */
  setSolo(seatNo) {
    this.solo = seatNo;
    this.#volumes();
    this.#changed();
  }

  setMuted(muted) {
    this.muted = muted;
    this.#volumes();
    this.#changed();
  }

  /** After the page was hidden: browsers hold back media they do not show. */
  resync() {
    this.#late.clear();
    this.tick(true);
  }

  tick(exact = false) {
    const ms = this.now;
    const waiting = this.tracks.filter((track) => !this.#late.has(track) && !this.#silent(track) && track.starves(ms));
    for (const track of this.#late) if (!track.starves(ms)) this.#late.delete(track);
    const atEnd = ms >= this.#last();
    if (this.#wanted) this.#lead(ms, waiting, atEnd);
    const running = this.clock.running;
    for (const track of this.tracks) {
      track.tick(this.now, { running: running && !this.#silent(track), rate: this.clock.rate, exact: exact && !running });
    }
    this.dispatchEvent(new Event("tick"));
  }

  /** How far the pictures shown are apart, in milliseconds; null while fewer than two are shown. */
  spread() {
    const ms = this.now;
    const drifts = this.tracks
      .filter((track) => track.kind === "video" && !track.gapAt(ms))
      .map((track) => track.drift(ms))
      .filter((drift) => drift !== null);
    return drifts.length < 2 ? null : Math.max(...drifts) - Math.min(...drifts);
  }

  close() {
    clearInterval(this.#timer);
    document.removeEventListener("visibilitychange", this.onVisible);
    for (const track of this.tracks) track.close();
    this.tracks = [];
  }

  /** Runs or holds the clock. */
  #lead(ms, waiting, atEnd) {
    if (atEnd) {
      this.clock.seek(Math.min(ms, this.#last()));
      this.clock.hold();
      if (this.sealed) this.pause();
      return;
    }
    if (waiting.length === 0) {
      this.#heldSince = null;
      if (!this.clock.running) this.clock.run();
      return;
    }
    const now = performance.now();
    this.#heldSince ??= now;
    if (now - this.#heldSince > HOLD_AT_MOST_MS) {
      for (const track of waiting) this.#late.add(track);
      this.#heldSince = null;
    } else if (this.clock.running) {
      this.clock.hold();
    }
  }

  #last() {
    return this.sealed ? this.to : Math.max(this.from, this.to - LIVE_MARGIN_MS);
  }

  #silent(track) {
    if (track.kind !== "audio") return false;
    return this.muted || this.clock.rate > LOUDEST_RATE || (this.solo !== null && track.seatNo !== this.solo);
  }

  #volumes() {
    for (const track of this.tracks) {
      if (track.kind === "audio") track.element.muted = this.#silent(track);
    }
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}
