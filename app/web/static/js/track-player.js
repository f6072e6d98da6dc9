// Plays one track (one seat's picture or sound): fetches byte ranges that the index names, feeds them to a
// media element, and keeps that element in step with the room clock. Gaps are known beforehand from the index,
// because a seek into missing media never ends.

const AHEAD_MS = 12_000; // how far to fetch ahead of the clock, at normal speed
const BEHIND_S = 20; // how much played media to keep
const RUN_BYTES = 384 * 1024; // about how much one request asks for
const FIRST_RUN_MS = 1_000; // after a seek ask for little, so that the picture comes soon
const RUN_MS = 6_000;
const DURATION_S = 7 * 86_400; // longer than any room: every room time can be sought
const HARD_MS = 500; // further off than this: jump; else nudge the speed
const NUDGE = 0.1; // at most this share faster or slower
const DEAD_BAND_MS = { video: 12, audio: 50 }; // sound follows its own clock and answers late
const EDGE_S = 0.03;
const SEEK_MS = 1_500; // a seek that takes longer will not tell that it is over
const LAST_S = 0.002; // so far before the end of what is there, the last picture is shown
const RETRY_MS = 2_000;
const REACH_PIECES = 8; // a piece is about two seconds: further ahead, begin anew at a key frame

export class TrackPlayer {
  #pieces = [];
  #headers = new Map(); // of a file, by its id
  #mime = null; // what the buffer takes now
  #source = new MediaSource();
  #buffer = null;
  #next = 0; // index of the piece to fetch next
  #from = 0; // its byte to begin with, when a part has been fed already
  #last = null; // the piece fed last
  #fedFile = null;
  #fedFrom = Infinity; // room time from which on everything before `#next` lies in the element
  #fresh = true; // begin anew at the clock
  #quick = true; // the first run after that is short
  #busy = false;
  #generation = 0;
  #cancel = new AbortController();
  #retryAt = 0;
  #lastRate = 1;
  #soughtAt = 0;
  #url = URL.createObjectURL(this.#source);

  /**
   * element: a <video> or <audio> of its own. mediaUrl: from a file's id to the address of its bytes.
   */
  constructor(element, track, mediaUrl) {
    this.element = element;
    this.seatNo = track.seat_no;
    this.source = track.source;
    this.kind = track.source === "microphone" ? "audio" : "video";
    this.failed = false;
    this.mediaUrl = mediaUrl;
    this.update(track);
    this.element.preload = "auto";
    this.element.disableRemotePlayback = true;
    this.#source.addEventListener("sourceopen", () => this.#open(), { once: true });
    this.element.src = this.#url;
    this.element.addEventListener("error", () => this.#fail(this.element.error));
  }

  /** Takes the track as the service tells it now; a growing track gets more pieces at its end. */
  update(track) {
    this.gaps = track.gaps;
    this.coverage = track.coverage;
    this.#pieces = track.pieces.map(([number, offset, length, from, to, key]) => ({
      file: track.files[number], id: track.files[number].id, offset, length, from, to, key: key === 1,
    }));
    if (this.#last === null) return;
    const at = this.#pieces.findIndex((piece) => piece.id === this.#last.id && piece.offset === this.#last.offset);
    const grown = at >= 0 && end(this.#pieces[at]) > end(this.#last);
    this.#next = at < 0 ? this.#indexFor(this.#last.to) : grown ? at : at + 1;
    this.#from = grown ? end(this.#last) : 0;
  }

  /** The gap that this room time falls into, if any. */
  gapAt(ms) {
    return this.gaps.find((gap) => gap.from_ms <= ms && ms < gap.to_ms) ?? null;
  }

  /** Whether media of this moment exists and has yet to be fetched. */
  starves(ms) {
    if (this.failed || this.gapAt(ms) || this.#buffered(ms)) return false;
    const at = this.#indexFor(ms);
    const piece = this.#pieces[at];
    return piece !== undefined && piece.from <= ms && ms <= piece.to && !this.#fed(at);
  }

  /** How far the element is ahead of the room clock in milliseconds; null when it shows nothing of this moment. */
  drift(ms) {
    return this.#buffered(ms) && !this.element.seeking ? this.element.currentTime * 1000 - ms : null;
  }

  /** Brings the element in step with room time `ms`. Called ten times a second, and after every seek. */
  tick(ms, { running, rate, exact = false }) {
    if (this.failed) return;
    this.#feed(ms, rate);
    if (!this.#buffered(ms) || this.gapAt(ms)) {
      if (!this.element.paused) this.element.pause();
      if (!running) this.#stand(ms);
      return;
    }
    const off = this.element.currentTime * 1000 - ms;
    const settled = this.#settled();
    const tolerated = exact ? 1 : running ? HARD_MS * Math.max(1, rate) : 10;
    if ((settled || exact) && Math.abs(off) > tolerated) this.#seek(ms / 1000);
    if (!running) {
      if (!this.element.paused) this.element.pause();
      return;
    }
    this.#nudge(settled ? off : 0, rate);
    if (this.element.paused) this.element.play().catch((error) => this.#cannotPlay(error));
  }

  /** Between two frames, and after the last, the picture before still stands: shows that one. */
  #stand(ms) {
    if (this.gapAt(ms) || this.#pieces.length === 0 || !this.#fed(this.#targetFor(ms))) return;
    const ranges = this.element.buffered;
    for (let i = ranges.length - 1; i >= 0; i -= 1) {
      const last = ranges.end(i) - LAST_S;
      if (ranges.end(i) > ms / 1000) continue;
      if (Math.abs(this.element.currentTime - last) > LAST_S) this.#seek(last);
      return;
    }
  }

  #seek(seconds) {
    this.#soughtAt = performance.now();
    this.element.currentTime = seconds;
  }

  /** Whether the last seek is over. Close before missing media Chromium shows the picture and never says so. */
  #settled() {
    return !this.element.seeking || performance.now() - this.#soughtAt > SEEK_MS;
  }

  /** Lets go of the element and everything fetched. */
  close() {
    this.#generation += 1;
    this.#cancel.abort();
    this.element.pause();
    this.element.removeAttribute("src");
    this.element.load();
    URL.revokeObjectURL(this.#url);
  }

  #open() {
    try {
      this.#source.duration = DURATION_S;
      this.#mime = this.#pieces[0].file.mime;
      this.#buffer = this.#source.addSourceBuffer(this.#mime);
    } catch (error) {
      this.#fail(error);
    }
  }

  #nudge(off, rate) {
    const share = Math.abs(off) > DEAD_BAND_MS[this.kind] ? Math.max(-NUDGE, Math.min(NUDGE, off / 1000)) : 0;
    const wanted = rate * (1 - share);
    if (Math.abs(wanted - this.#lastRate) > 0.002 * rate || share === 0) {
      if (this.element.playbackRate !== wanted) this.element.playbackRate = wanted;
      this.#lastRate = wanted;
    }
  }

  #cannotPlay(error) {
    // A play() cut short by the next pause() or seek is no trouble; a missing gesture is, and the page tells.
    if (error.name === "NotAllowedError") this.element.dispatchEvent(new CustomEvent("gesture-needed", { bubbles: true }));
  }

  #range(ms) {
    const at = ms / 1000;
    const ranges = this.element.buffered;
    for (let i = 0; i < ranges.length; i += 1) {
      if (ranges.start(i) - EDGE_S <= at && at < ranges.end(i)) return i;
    }
    return -1;
  }

  #buffered(ms) {
    return this.#range(ms) >= 0;
  }

  /** Whether this piece was handed to the element and has not been dropped since. */
  #fed(at) {
    return at < this.#next && this.#pieces[at].from >= this.#fedFrom;
  }

  /** Index of the last piece that begins at or before `ms`. */
  #indexFor(ms) {
    let low = 0;
    let high = this.#pieces.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#pieces[middle].from <= ms) low = middle + 1;
      else high = middle;
    }
    return Math.max(0, low - 1);
  }

  /** Index of the piece that holds `ms`, or else of the first one after it. */
  #targetFor(ms) {
    const at = this.#indexFor(ms);
    return this.#pieces[at].to < ms ? Math.min(at + 1, this.#pieces.length - 1) : at;
  }

  /** Index of the piece to begin feeding with, so that `ms` can be shown: a key frame of the same file. */
  #entryFor(ms) {
    let at = this.#targetFor(ms);
    while (at > 0 && !this.#pieces[at].key && this.#pieces[at - 1].id === this.#pieces[at].id) at -= 1;
    return at;
  }

  #feed(ms, rate) {
    if (this.#buffer === null || this.#pieces.length === 0 || performance.now() < this.#retryAt) return;
    if (this.#jumped(ms)) this.#restart(ms);
    if (this.#busy) return;
    const piece = this.#pieces[this.#next];
    if (piece === undefined || piece.from > ms + AHEAD_MS * Math.max(1, rate)) return;
    this.#busy = true;
    this.#fetchAndFeed(ms, rate, this.#generation)
      .catch((error) => this.#trouble(error))
      .finally(() => {
        this.#busy = false;
      });
  }

  /** Whether the clock stands somewhere that feeding on will not reach soon. */
  #jumped(ms) {
    if (this.#fresh) return true;
    if (this.#buffered(ms)) return false;
    const target = this.#targetFor(ms);
    // Fed, yet not buffered: a hole between two frames. Feeding it again would not fill it.
    if (target < this.#next) return !this.#fed(target);
    return target > this.#next + REACH_PIECES;
  }

  #restart(ms) {
    this.#generation += 1;
    this.#cancel.abort();
    this.#cancel = new AbortController();
    this.#next = this.#entryFor(ms);
    this.#from = 0;
    this.#last = null;
    this.#fedFile = null;
    this.#fedFrom = this.#pieces[this.#next].from;
    this.#fresh = false;
    this.#quick = true;
  }

  async #fetchAndFeed(ms, rate, generation) {
    const run = this.#run(rate);
    const bytes = await this.#bytes(run.file.id, run.from, run.to);
    if (generation !== this.#generation) return;
    if (this.#fedFile !== run.file.id) {
      const header = await this.#header(run.file);
      if (generation !== this.#generation) return;
      await this.#append(header, ms, run.file.mime);
      if (generation !== this.#generation) return;
      this.#fedFile = run.file.id;
    }
    await this.#append(bytes, ms);
    if (generation !== this.#generation) return;
    this.#quick = false;
    this.#last = run.last;
    const at = this.#pieces.findIndex((piece) => piece.id === run.last.id && piece.offset === run.last.offset);
    const grown = at >= 0 && end(this.#pieces[at]) > end(run.last);
    this.#next = at < 0 ? run.next : grown ? at : at + 1;
    this.#from = grown ? end(run.last) : 0;
  }

  /** Neighbouring pieces of one file, fetched by one request. */
  #run(rate) {
    let at = this.#next;
    const first = this.#pieces[at];
    const from = this.#from || first.offset;
    const longest = this.#quick ? FIRST_RUN_MS : RUN_MS * Math.max(1, rate);
    let last = first;
    for (at += 1; at < this.#pieces.length; at += 1) {
      const piece = this.#pieces[at];
      if (piece.id !== first.id || piece.offset !== end(last)) break;
      if (end(last) - from >= RUN_BYTES || last.to - first.from >= longest) break;
      last = piece;
    }
    return { file: first.file, from, to: end(last), last, next: at };
  }

  async #header(file) {
    if (!this.#headers.has(file.id)) this.#headers.set(file.id, await this.#bytes(file.id, 0, file.header_length));
    return this.#headers.get(file.id);
  }

  async #bytes(file, from, to) {
    const response = await fetch(this.mediaUrl(file), {
      headers: { Range: `bytes=${from}-${to - 1}` },
      signal: this.#cancel.signal,
      credentials: "same-origin",
    });
    if (response.status !== 206) throw new Error(`media answered ${response.status}`);
    const bytes = await response.arrayBuffer();
    if (bytes.byteLength !== to - from) throw new Error("media came short");
    return bytes;
  }

  /** mime: what comes from here on, told with the opening bytes of a file. */
  async #append(bytes, ms, mime = this.#mime) {
    await this.#idle();
    await this.#forget(ms);
    if (mime !== this.#mime) {
      this.#buffer.changeType(mime);
      this.#mime = mime;
    }
    try {
      this.#buffer.appendBuffer(bytes);
    } catch (error) {
      if (error.name !== "QuotaExceededError") throw error;
      const keepFrom = Math.max(0.001, ms / 1000 - 2);
      this.#buffer.remove(0, keepFrom);
      this.#fedFrom = Math.max(this.#fedFrom, keepFrom * 1000);
      await this.#idle();
      this.#buffer.appendBuffer(bytes);
    }
    await this.#idle();
  }

  /** Drops what lies well behind the clock, so that memory stays level. */
  async #forget(ms) {
    const ranges = this.#buffer.buffered;
    const keepFrom = ms / 1000 - BEHIND_S;
    if (ranges.length === 0 || ranges.start(0) > keepFrom - BEHIND_S) return;
    this.#buffer.remove(0, keepFrom);
    this.#fedFrom = Math.max(this.#fedFrom, keepFrom * 1000);
    await this.#idle();
  }

  #idle() {
    if (!this.#buffer.updating) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#buffer.addEventListener("updateend", resolve, { once: true });
      this.#buffer.addEventListener("error", () => reject(new Error("media refused")), { once: true });
    });
  }

  #trouble(error) {
    if (error.name === "AbortError") return;
    if (this.element.error || this.#source.readyState !== "open") {
      this.#fail(error);
      return;
    }
    // The service may be restarting: try again from the same place a little later.
    this.#retryAt = performance.now() + RETRY_MS;
    this.#fresh = true;
  }

  #fail(error) {
    this.failed = true;
    this.element.dispatchEvent(new CustomEvent("track-failed", { bubbles: true, detail: String(error?.message ?? error) }));
  }
}

const end = (piece) => piece.offset + piece.length;
