// <room-live data-room="…">: all seats of a running room as they are recorded, over one socket. See docs/live-protocol.md.
//
// The page hands over texts in <script type="application/json" class="live-texts"> inside the element.

import { LivePlayer } from "./live-player.js";
import { roomTime } from "./time-track.js";

const VERSION = 1;
const TICK_MS = 200;
const TELL_MS = 1_000;
const BACK_MS = 10_000;
const STALE_MS = 5_000; // without new bytes for longer, a seat counts as not recorded
const LONGEST_WAIT_MS = 15_000;
const ENDED = 1000;

class RoomLive extends HTMLElement {
  #texts = {};
  #socket = null;
  #channels = new Map(); // number → {player, heardAt}
  #next = 1;
  #tiles = new Map();
  #fromMs = null;
  #tries = 0;
  #timer = null;
  #again = null;
  #toldAt = 0;
  #sound = null; // the seat that is heard
  #ended = false;
  #ui = {};

  connectedCallback() {
    if (this.#timer) return;
    this.#texts = JSON.parse(this.querySelector("script.live-texts").textContent);
    this.#build();
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    this.#connect();
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
    clearTimeout(this.#again);
    this.#timer = null;
    this.#socket?.close();
    this.#forget();
  }

  /** What is being shown, for tests and for pages around it. Times in room milliseconds. */
  state() {
    return {
      connected: this.#socket?.readyState === WebSocket.OPEN,
      ended: this.#ended,
      live: this.#fromMs === null,
      tracks: [...this.#channels.values()].map(({ player }) => ({
        seatNo: player.seatNo,
        source: player.source,
        nowMs: player.nowMs,
        newestMs: player.newestMs,
        failed: player.failed,
        muted: player.element.muted,
      })),
    };
  }

  say(key, params = {}) {
    return (this.#texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => params[name] ?? whole);
  }

  /** Shows all tracks from this room time on; null for the newest. */
  show(fromMs) {
    this.#fromMs = fromMs;
    const tracks = [...this.#channels.values()].map(({ player }) => ({ seat_no: player.seatNo, source: player.source }));
    for (const number of this.#channels.keys()) this.#send({ type: "stop", channel: number });
    this.#forget();
    for (const track of tracks) this.#watch(track);
    this.#buttons();
  }

  #build() {
    this.#ui.status = element("p", { class: "replay-status", role: "status" }, this.say("connecting"));
    this.#ui.grid = element("div", { class: "replay-grid" });
    this.#ui.back = this.#button("back", () => this.show(Math.max(0, Math.floor((this.#shownMs() ?? 0) - BACK_MS))));
    this.#ui.live = this.#button("live", () => this.show(null));
    this.#ui.clock = element("output", { class: "replay-clock", "aria-label": this.say("room_time") });
    const bar = element("div", { class: "replay-bar", role: "toolbar", "aria-label": this.say("live_bar") });
    bar.append(this.#ui.back, this.#ui.live, this.#ui.clock);
    this.append(this.#ui.status, this.#ui.grid, bar);
    this.#buttons();
  }

  #button(key, act) {
    const button = element("button", { type: "button", class: "replay-button", "data-act": key }, this.say(key));
    button.addEventListener("click", act);
    return button;
  }

  #buttons() {
    this.#ui.live.setAttribute("aria-pressed", String(this.#fromMs === null));
    for (const [seat, tile] of this.#tiles) tile.hear.setAttribute("aria-pressed", String(this.#sound === seat));
  }

  // The way

  async #connect() {
    clearTimeout(this.#again);
    let way;
    try {
      const response = await fetch(`/api/recordings/${encodeURIComponent(this.dataset.room)}/live`, {
        method: "POST", credentials: "same-origin",
      });
      if (!response.ok) throw new Error(String(response.status));
      way = await response.json();
    } catch (error) {
      console.info("live:", error.message);
      this.#later();
      return;
    }
    if (!this.isConnected) return;
    const socket = new WebSocket(way.address);
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("open", () => socket.send(JSON.stringify({ type: "hello", v: VERSION, ticket: way.ticket })));
    socket.addEventListener("message", (event) => this.#hear(event.data));
    socket.addEventListener("close", (event) => socket === this.#socket && this.#closed(event.code));
  }

  #closed(code) {
    if (code === ENDED || this.#ended) {
      this.#tell(this.say("live_ended"));
      return;
    }
    this.#later();
  }

  #later() {
    if (!this.isConnected) return;
    this.#tell(this.say("reconnecting"));
    this.#again = setTimeout(() => this.#connect(), Math.min(LONGEST_WAIT_MS, 500 * 2 ** this.#tries));
    this.#tries += 1;
  }

  #send(message) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #hear(data) {
    if (typeof data !== "string") {
      const channel = this.#channels.get(new DataView(data).getUint32(0));
      if (!channel) return; // given up meanwhile
      channel.heardAt = performance.now();
      channel.player.take(data.slice(4));
      return;
    }
    const message = JSON.parse(data);
    if (message.type === "welcome") {
      this.#tries = 0;
      this.#forget();
      this.#tell("");
    } else if (message.type === "tracks") {
      const known = new Set([...this.#channels.values()].map(({ player }) => `${player.seatNo}-${player.source}`));
      for (const track of message.tracks) if (!known.has(`${track.seat_no}-${track.source}`)) this.#watch(track);
      if (message.tracks.length === 0) this.#tell(this.say("nothing"));
    } else if (message.type === "file") {
      this.#channels.get(message.channel)?.player.file(message.mime);
    } else if (message.type === "ended") {
      this.#ended = true;
    }
  }

  // What is shown

  #watch(track) {
    const tile = this.#tile(track.seat_no);
    const media = track.source === "microphone" ? document.createElement("audio") : this.#picture(tile, track.source);
    media.muted = track.source !== "microphone" || this.#sound !== track.seat_no;
    if (track.source === "microphone") tile.figure.append(media);
    const number = this.#next;
    this.#next += 1;
    this.#channels.set(number, { player: new LivePlayer(media, track, this.#fromMs), heardAt: performance.now() });
    this.#send({ type: "watch", channel: number, seat_no: track.seat_no, source: track.source, from_ms: this.#fromMs });
    this.#tell("");
  }

  #forget() {
    for (const { player } of this.#channels.values()) {
      player.close();
      if (player.source === "microphone") player.element.remove();
    }
    this.#channels.clear();
  }

  #tile(seatNo) {
    if (!this.#tiles.has(seatNo)) {
      const label = this.say("seat", { seat_no: seatNo });
      const figure = element("figure", { class: "replay-seat", "data-seat": seatNo });
      const pictures = element("div", { class: "replay-pictures" });
      const caption = element("figcaption", {}, label);
      const light = element("span", { class: "live-light", role: "status" });
      const hear = element("button", { type: "button", class: "replay-solo", "aria-pressed": "false" }, this.say("hear"));
      hear.setAttribute("aria-label", `${this.say("hear")} ${label}`);
      hear.addEventListener("click", () => this.#hearSeat(seatNo));
      caption.append(light, hear);
      figure.append(pictures, caption);
      this.#ui.grid.append(figure);
      this.#tiles.set(seatNo, { figure, pictures, light, hear, label });
      this.#ui.grid.dataset.seats = String(this.#tiles.size);
    }
    return this.#tiles.get(seatNo);
  }

  #picture(tile, source) {
    const known = tile.pictures.querySelector(`[data-source=${source}] video`);
    if (known) return known;
    const box = element("div", { class: "replay-picture", "data-source": source });
    const video = element("video", { playsinline: "", tabindex: "-1", "aria-label": `${tile.label} ${this.say(source)}` });
    box.append(video);
    tile.pictures.append(box);
    return video;
  }

  #hearSeat(seatNo) {
    this.#sound = this.#sound === seatNo ? null : seatNo;
    for (const { player } of this.#channels.values()) {
      if (player.source === "microphone") player.element.muted = player.seatNo !== this.#sound;
    }
    this.#buttons();
  }

  #shownMs() {
    const shown = [...this.#channels.values()].map(({ player }) => player.nowMs).filter((ms) => ms !== null);
    return shown.length ? Math.max(...shown) : null;
  }

  #tick() {
    const now = performance.now();
    const tells = now - this.#toldAt > TELL_MS;
    if (tells) this.#toldAt = now;
    for (const [number, { player }] of this.#channels) {
      player.tick();
      if (tells && !player.live && player.nowMs !== null) this.#send({ type: "at", channel: number, room_ms: Math.floor(player.nowMs) });
    }
    for (const [seat, tile] of this.#tiles) {
      const own = [...this.#channels.values()].filter(({ player }) => player.seatNo === seat);
      const failed = own.some(({ player }) => player.failed);
      const fresh = own.some(({ heardAt }) => now - heardAt < STALE_MS);
      tile.light.dataset.on = String(fresh && !failed);
      const text = this.say(failed ? "track_failed" : fresh ? "recorded" : "not_recorded");
      if (tile.light.textContent !== text) tile.light.textContent = text; // else a screen reader would read it again and again
    }
    const ms = this.#shownMs();
    this.#ui.clock.textContent = ms === null ? "" : roomTime(ms);
  }

  #tell(text) {
    this.#ui.status.textContent = text;
    this.#ui.status.hidden = !text;
  }
}

function element(name, attributes, text = null) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  if (text !== null) made.textContent = text;
  return made;
}

customElements.define("room-live", RoomLive);
