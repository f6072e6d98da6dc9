// Keeps the live parts of a page fresh: news from the server makes the page fetch itself and take over what changed.
//
// <main data-news="/api/…/stream" data-every="15"> … <section id="places" data-live> … </section>
// The stream only says that something changed; what stands there now is always read from the page itself, so a lost
// piece of news costs nothing but a few seconds. A page nobody looks at rests, unless it says `data-awake`. Without scripts the page is simply as fresh as when it was loaded.

const QUIET_MS = 250;

class LivePage {
  constructor(root) {
    this.root = root;
    this.shown = new Map();
    this.waiting = 0;
    this.running = false;
    this.again = false;
    this.ticker = setInterval(() => this.soon(), Number(root.dataset.every || "15") * 1000);
    document.addEventListener("visibilitychange", () => this.soon());
    if (root.dataset.news) this.listen(root.dataset.news);
  }

  listen(address) {
    const stream = new EventSource(address);
    stream.addEventListener("news", () => this.soon());
    stream.addEventListener("open", () => this.soon());
    window.addEventListener("pagehide", () => stream.close());
  }

  /** News comes in bursts; one fetch a quarter of a second later answers them all. */
  soon() {
    if ((document.hidden && !("awake" in this.root.dataset)) || this.waiting) return;
    this.waiting = setTimeout(() => {
      this.waiting = 0;
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
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
      if (answer.redirected) {
        location.reload(); // signed out meanwhile
        return;
      }
      if (answer.ok) this.show(new DOMParser().parseFromString(await answer.text(), "text/html"));
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

  show(fresh) {
    for (const part of document.querySelectorAll("[data-live][id]")) {
      const next = fresh.getElementById(part.id);
      if (!next) continue;
      const before = this.shown.get(part.id) ?? part.innerHTML;
      this.shown.set(part.id, next.innerHTML);
      if (before === next.innerHTML) continue; // nothing that is being typed there is lost
      const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
      const open = new Set([...part.querySelectorAll("details[open][id]")].map((one) => one.id));
      part.replaceChildren(...document.importNode(next, true).childNodes);
      for (const one of part.querySelectorAll("details[id]")) one.open ||= open.has(one.id);
      if (focused) document.getElementById(focused)?.focus();
    }
    this.root.dispatchEvent(new CustomEvent("refreshed", { bubbles: true }));
  }
}

for (const root of document.querySelectorAll("[data-every]")) new LivePage(root);
