// The one clock of a replay: room time in milliseconds. Media follow it; it follows nobody.

export class RoomClock {
  #base = 0;
  #since = 0;
  #rate = 1;
  #running = false;

  /** Room time now, in milliseconds. */
  now() {
    return this.#running ? this.#base + (performance.now() - this.#since) * this.#rate : this.#base;
  }

  get running() {
    return this.#running;
  }

  get rate() {
    return this.#rate;
  }

  set rate(rate) {
    this.#anchor(this.now());
    this.#rate = rate;
  }

  run() {
    this.#anchor(this.now());
    this.#running = true;
  }

  hold() {
    this.#anchor(this.now());
    this.#running = false;
  }

  seek(ms) {
    this.#anchor(ms);
  }

  #anchor(ms) {
    this.#base = ms;
    this.#since = performance.now();
  }
}
