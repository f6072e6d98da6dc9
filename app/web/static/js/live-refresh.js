// Keeps a part of a page fresh: news from the server's stream makes it fetch itself again, a slow tick does so anyway.
//
// <div data-refresh-from="/path?fragment=1" data-refresh-on="/api/…/stream" data-refresh-every="15">
// The stream only says that something changed; what it says now is always read from the page itself.

const QUIET_MS = 250;

class Refreshed {
  constructor(element) {
    this.element = element;
    this.from = element.dataset.refreshFrom;
    this.pending = 0;
    this.running = false;
    this.again = false;
    const every = Number(element.dataset.refreshEvery || "15");
    this.ticker = setInterval(() => this.soon(), every * 1000);
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden) this.soon();
    });
    if (element.dataset.refreshOn) this.listen(element.dataset.refreshOn);
  }

  listen(address) {
    const stream = new EventSource(address);
    stream.addEventListener("news", () => this.soon());
    stream.addEventListener("open", () => this.soon());
    window.addEventListener("pagehide", () => stream.close());
  }

  /** News comes in bursts; one fetch a quarter of a second later answers them all. */
  soon() {
    if (document.hidden || this.pending) return;
    this.pending = setTimeout(() => {
      this.pending = 0;
      this.refresh();
    }, QUIET_MS);
  }

  async refresh() {
    if (this.running) {
      this.again = true;
      return;
    }
    this.running = true;
    try {
      const answer = await fetch(this.from, { headers: { "X-Requested-With": "fragment" } });
      if (answer.status === 401) {
        location.reload();
        return;
      }
      if (answer.ok) this.show(await answer.text());
    } catch {
      // The network is away for a moment: the next tick or the stream's own reconnection tries again.
    } finally {
      this.running = false;
      if (this.again) {
        this.again = false;
        this.soon();
      }
    }
  }

  show(html) {
    if (html === this.last) return;
    this.last = html;
    const focused = this.element.contains(document.activeElement) ? document.activeElement.id : "";
    const fresh = document.createElement("template");
    fresh.innerHTML = html;
    this.element.replaceChildren(fresh.content);
    if (focused) document.getElementById(focused)?.focus();
    this.element.dispatchEvent(new CustomEvent("refreshed", { bubbles: true }));
  }
}

for (const element of document.querySelectorAll("[data-refresh-from]")) new Refreshed(element);
