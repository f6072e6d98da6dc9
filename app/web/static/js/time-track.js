// <time-track>: the room's time as a bar. One lane per seat shows what is recorded and what is missing, with ticks
// for events. Click or drag to seek; zoom from the whole room down to single frames.

const SVG = "http://www.w3.org/2000/svg";
const LANE = 28;
const CAMERA = [2, 11]; // top and height within a lane
const SCREEN = [14, 3];
const SOUND = [18, 8];
const QUIETEST = 70; // -dBov: below this a lane shows silence
const NAMED_PX = 56; // a gap this wide has its reason written into it
const AXIS = 18;
const LABEL = 64;
const NARROWEST_MS = 2_000;
const ZOOM = 2;
const STEPS_MS = [40, 200, 1_000, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000];

export class TimeTrack extends HTMLElement {
  #from = 0;
  #to = 1;
  #view = null;
  #now = 0;
  #lanes = [];
  #events = [];
  #say = (key) => key;
  #slider;
  #svg;
  #head;
  #observer;
  #dragging = false;

  connectedCallback() {
    if (this.#slider) return;
    this.#slider = document.createElement("div");
    this.#slider.className = "time-track-slider";
    this.#slider.tabIndex = 0;
    this.#slider.setAttribute("role", "slider");
    this.#svg = make("svg", { class: "time-track-svg", "aria-hidden": "true", focusable: "false" });
    this.#slider.append(this.#svg);
    this.append(this.#slider);
    this.#svg.addEventListener("pointerdown", (event) => this.#grab(event));
    this.#svg.addEventListener("pointermove", (event) => this.#dragging && this.#seekTo(event));
    this.#svg.addEventListener("pointerup", () => (this.#dragging = false));
    this.#svg.addEventListener("pointercancel", () => (this.#dragging = false));
    this.#svg.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.#observer = new ResizeObserver(() => this.#draw());
    this.#observer.observe(this.#slider);
  }

  disconnectedCallback() {
    this.#observer?.disconnect();
  }

  /** say: (key, params) → text in the reader's language. */
  setWords(say) {
    this.#say = say;
    this.#slider.setAttribute("aria-label", say("timeline"));
  }

  /**
   * lanes: [{label, camera, screen, sound}], each {coverage, gaps, levels, levelsFrom} where it exists; levels: loudness of
   * each second, 0 (loudest) to 127. events: [{at_ms, text}]. Times in room ms.
   */
  setRoom({ from, to, lanes, events }) {
    const whole = this.#view === null;
    this.#from = from;
    this.#to = Math.max(to, from + 1);
    this.#lanes = lanes;
    this.#events = events;
    if (whole) this.#view = null;
    this.#slider.setAttribute("aria-valuemin", String(Math.round(from / 1000)));
    this.#slider.setAttribute("aria-valuemax", String(Math.round(this.#to / 1000)));
    this.#draw();
  }

  set now(ms) {
    this.#now = ms;
    const seconds = String(Math.floor(ms / 1000));
    if (this.#slider.getAttribute("aria-valuenow") !== seconds) {
      this.#slider.setAttribute("aria-valuenow", seconds);
      this.#slider.setAttribute("aria-valuetext", roomTime(ms));
    }
    const [from, to] = this.#window();
    if (this.#view && !this.#dragging && (ms < from || ms > to)) {
      this.#show(ms - (to - from) * 0.1, to - from);
    } else {
      this.#placeHead();
    }
  }

  /** Makes the view `ZOOM` times narrower (1) or wider (-1) around the playhead; 0 shows everything. */
  zoom(direction, around = this.#now) {
    if (direction === 0) {
      this.#view = null;
      this.#draw();
      return;
    }
    const [from, to] = this.#window();
    const span = direction > 0 ? Math.max(NARROWEST_MS, (to - from) / ZOOM) : (to - from) * ZOOM;
    if (span >= this.#to - this.#from) {
      this.zoom(0);
      return;
    }
    this.#show(around - (around - from) * (span / (to - from)), span);
  }

  /** The room time shown, [from, to] in ms. */
  get window() {
    return this.#window();
  }

  #window() {
    return this.#view ?? [this.#from, this.#to];
  }

  #show(from, span) {
    const start = Math.max(this.#from, Math.min(from, this.#to - span));
    this.#view = [start, start + span];
    this.#draw();
  }

  #grab(event) {
    if (event.button !== 0) return;
    this.#dragging = true;
    this.#svg.setPointerCapture(event.pointerId);
    this.#slider.focus({ preventScroll: true });
    this.#seekTo(event);
  }

  #seekTo(event) {
    const ms = this.#msAt(event);
    this.dispatchEvent(new CustomEvent("seek", { detail: ms, bubbles: true }));
  }

  #wheel(event) {
    if (!event.ctrlKey && !event.metaKey) return; // plain scrolling stays the page's
    event.preventDefault();
    this.zoom(event.deltaY < 0 ? 1 : -1, this.#msAt(event));
  }

  #msAt(event) {
    const box = this.#svg.getBoundingClientRect();
    const [from, to] = this.#window();
    const share = (event.clientX - box.left - LABEL) / Math.max(1, box.width - LABEL);
    return Math.max(this.#from, Math.min(this.#to, from + share * (to - from)));
  }

  #draw() {
    const width = Math.max(LABEL + 50, this.#slider.clientWidth);
    const height = this.#lanes.length * LANE + AXIS;
    this.#svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.#svg.setAttribute("height", String(height));
    this.#svg.setAttribute("width", String(width));
    const [from, to] = this.#window();
    const x = (ms) => LABEL + ((ms - from) / (to - from)) * (width - LABEL);
    const parts = [this.#axis(x, from, to, height)];
    this.#lanes.forEach((lane, row) => parts.push(this.#lane(lane, row * LANE, x, from, to, width)));
    for (const event of this.#events) {
      if (event.at_ms < from || event.at_ms > to) continue;
      parts.push(titled(make("rect", { class: "tt-event", x: x(event.at_ms) - 1, y: 0, width: 2, height: height - AXIS }), event.text));
    }
    this.#head = make("line", { class: "tt-head", y1: 0, y2: height });
    this.#svg.replaceChildren(...parts, this.#head);
    this.#placeHead();
  }

  #lane(lane, top, x, from, to, width) {
    const group = make("g", {});
    const label = make("text", { class: "tt-label", x: 2, y: top + LANE - 10 });
    label.textContent = lane.label;
    group.append(label, make("rect", { class: "tt-empty", x: LABEL, y: top + 2, width: width - LABEL, height: LANE - 4 }));
    const bars = [
      ["camera", CAMERA],
      ["screen", SCREEN],
      ["sound", SOUND],
    ];
    for (const [source, [at, height]] of bars) {
      const track = lane[source];
      if (!track) continue;
      const y = top + at;
      for (const [start, end] of track.coverage) {
        if (end < from || start > to) continue;
        group.append(bar(`tt-have tt-${source}`, x, Math.max(start, from), Math.min(end, to), y, height));
      }
      if (source === "sound") group.append(levels(track, x, from, to, y, height));
      for (const gap of track.gaps) {
        if (gap.to_ms < from || gap.from_ms > to) continue;
        const rect = bar("tt-gap", x, Math.max(gap.from_ms, from), Math.min(gap.to_ms, to), y, height);
        group.append(titled(rect, gap.text));
        if (source !== "camera" || Number(rect.getAttribute("width")) < NAMED_PX) continue;
        const name = make("text", { class: "tt-gap-name", x: Number(rect.getAttribute("x")) + 3, y: y + height - 2 });
        name.textContent = gap.name;
        group.append(name);
      }
    }
    return group;
  }

  #axis(x, from, to, height) {
    const group = make("g", { class: "tt-axis" });
    const step = STEPS_MS.find((candidate) => (to - from) / candidate <= 10) ?? STEPS_MS[STEPS_MS.length - 1] * 2;
    for (let ms = Math.ceil(from / step) * step; ms <= to; ms += step) {
      group.append(make("line", { x1: x(ms), x2: x(ms), y1: 0, y2: height - AXIS }));
      const text = make("text", { x: x(ms) + 2, y: height - 5 });
      text.textContent = roomTime(ms, step < 1_000);
      group.append(text);
    }
    return group;
  }

  #placeHead() {
    if (!this.#head) return;
    const [from, to] = this.#window();
    const width = Number(this.#svg.getAttribute("width"));
    const at = LABEL + ((this.#now - from) / (to - from)) * (width - LABEL);
    this.#head.setAttribute("x1", String(at));
    this.#head.setAttribute("x2", String(at));
  }
}

/** Room time for people: 1:02:03, with tenths and hundredths when `fine`. */
export function roomTime(ms, fine = false) {
  const total = Math.max(0, Math.floor(ms));
  const seconds = Math.floor(total / 1000);
  const text = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
    .map((part, i) => (i === 0 ? String(part) : String(part).padStart(2, "0")))
    .join(":");
  return fine ? `${text}.${String(total % 1000).padStart(3, "0")}` : text;
}

function make(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  return element;
}

function bar(kind, x, from, to, y, height) {
  return make("rect", { class: kind, x: x(from), y, width: Math.max(1, x(to) - x(from)), height });
}

/** The loudness of a track as one line of bars, a pixel or a second wide. */
function levels(track, x, from, to, y, height) {
  const { levels: heard = [], levelsFrom = 0 } = track;
  const perPixel = (to - from) / Math.max(1, x(to) - x(from));
  const step = Math.max(1_000, perPixel);
  let path = "";
  for (let at = Math.max(from, levelsFrom); at < to; at += step) {
    const first = Math.floor((at - levelsFrom) / 1_000);
    const loudest = Math.min(127, ...heard.slice(first, Math.max(first + 1, Math.floor((at + step - levelsFrom) / 1_000))));
    const tall = (Math.max(0, QUIETEST - loudest) / QUIETEST) * height;
    if (tall > 0.5) path += `M${x(at).toFixed(1)} ${y + height}V${(y + height - tall).toFixed(1)}`;
  }
  return make("path", { class: "tt-level", d: path || "M0 0", "stroke-width": Math.max(1, (x(from + step) - x(from)) * 0.8) });
}

function titled(element, text) {
  const title = make("title", {});
  title.textContent = text;
  element.append(title);
  return element;
}

customElements.define("time-track", TimeTrack);
