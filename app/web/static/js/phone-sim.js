// The wall of pretend phones: rings, is answered, speaks, takes keys and texts. The rows are on the server;
// news says that something changed, and the wall then reads what is.

const IDLE_SHOWN = 12;
const QUIET_MS = 120;
const RETRY_MS = 3000;

const ENDED = {
  "no-answer": "missed",
  busy: "was_busy",
  completed: "was_over",
  failed: "was_failed",
  canceled: "was_canceled",
};
const TONES = { ringing: "tone-live", in_call: "tone-active", idle: "tone-neutral" };

const clock = new Intl.DateTimeFormat(document.documentElement.lang, {
  hour: "2-digit",
  minute: "2-digit",
  hourCycle: "h23",
  timeZone: "Asia/Shanghai",
});
const texts = JSON.parse(document.getElementById("phone-texts").textContent);

function say(name, values = {}) {
  return texts[name].replace(/\{(\w+)\}/g, (_, key) => values[key] ?? "");
}

/** The text as it is, but addresses of our own house as links; nothing else becomes one. */
function withLinks(text, houses) {
  return text.split(/(https?:\/\/\S+)/).map((part) => {
    if (!URL.canParse(part) || !houses.includes(new URL(part).origin)) return part;
    const link = document.createElement("a");
    link.href = part;
    link.target = "_blank";
    link.rel = "noopener";
    link.textContent = part;
    return link;
  });
}

/** One phone on the wall; keeps its elements, so that focus and half-typed replies survive every refresh. */
class Card {
  constructor(wall, phone) {
    this.wall = wall;
    this.acting = Promise.resolve();
    this.element = document.getElementById("phone-card").content.firstElementChild.cloneNode(true);
    this.find = (selector) => this.element.querySelector(selector);
    this.address = `${wall.dataset.phones}/${encodeURIComponent(phone.number)}`;
    this.element.dataset.number = phone.number;
    this.find(".phone-number").textContent = phone.label;
    const reply = this.find(".phone-reply input");
    reply.setAttribute("aria-label", say("reply_to", { phone: phone.label }));
    this.element.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button) this.act(button.dataset);
    });
    this.find(".phone-reply").addEventListener("submit", (event) => {
      event.preventDefault();
      const body = reply.value.trim();
      if (!body) return;
      reply.value = "";
      this.post("sms", { body });
    });
    this.phone = phone;
    this.show(phone);
  }

  show(phone) {
    const before = this.phone;
    this.phone = phone;
    this.element.dataset.state = phone.state;
    const badge = this.find(".phone-state");
    badge.textContent = phone.state === "in_call" && phone.calls_hotline ? say("on_hotline") : say(phone.state);
    badge.className = `badge phone-state ${TONES[phone.state]}`;
    const live = phone.state === "in_call";
    const heard = this.find(".phone-heard");
    const over = phone.ended ? say(ENDED[phone.ended] ?? "was_over") : "";
    const state = { ringing: say("incoming"), in_call: say("connecting"), idle: over }[phone.state];
    const spoken = phone.state === "ringing" ? "" : phone.spoken;
    heard.textContent = spoken || state;
    if (spoken) heard.lang = phone.language.startsWith("en") ? "en" : "zh-CN";
    else heard.removeAttribute("lang");
    heard.classList.toggle("is-past", !live);
    this.find(".phone-listen").hidden = !live || !phone.spoken;
    const focused = this.element.contains(document.activeElement) ? document.activeElement : null;
    for (const keys of this.element.querySelectorAll("[data-when]")) keys.hidden = keys.dataset.when !== phone.state;
    for (const key of this.element.querySelectorAll(".phone-key")) {
      key.setAttribute("aria-disabled", String(!phone.awaits_key));
    }
    if (focused && focused.closest("[hidden]")) this.find("[data-when]:not([hidden]) button").focus();
    this.showRinging(phone);
    this.showTexts(phone, before);
  }

  /** How long it still rings, if nobody does anything. */
  showRinging(phone) {
    const place = this.find(".phone-rings");
    if (place.dataset.until === (phone.rings_until ?? "")) return;
    place.dataset.until = phone.rings_until ?? "";
    place.replaceChildren();
    if (!phone.rings_until) return;
    const left = document.createElement("count-down");
    left.dataset.until = phone.rings_until;
    place.append(left);
  }

  showTexts(phone, before) {
    const inbox = this.find(".phone-inbox");
    inbox.hidden = !phone.texts.length;
    if (inbox.dataset.shown === JSON.stringify(phone.texts)) return;
    inbox.dataset.shown = JSON.stringify(phone.texts);
    this.find(".phone-texts").replaceChildren(
      ...[...phone.texts].reverse().map((text) => {
        const item = document.createElement("li");
        item.className = text.sent_by_phone ? "is-sent" : "is-received";
        const who = document.createElement("small");
        const at = clock.format(new Date(text.at));
        who.textContent = `${say(text.sent_by_phone ? "sent_by_phone" : "received")} ${at}`;
        const body = document.createElement("span");
        body.append(...withLinks(text.body, [location.origin, this.wall.dataset.house]));
        item.append(body, who);
        return item;
      }),
    );
    this.toNewest();
    const came = phone.texts.filter((text) => !text.sent_by_phone).length;
    if (before !== phone && came > before.texts.filter((text) => !text.sent_by_phone).length) {
      this.wall.announce(say("text_came", { phone: phone.label }));
    }
  }

  /** The newest text is the last one: it must be seen without scrolling. */
  toNewest() {
    const list = this.find(".phone-texts");
    list.scrollTop = list.scrollHeight;
  }

  /** One act after the other, as on a real phone: a key pressed before hanging up is heard before the line is gone. */
  act(wanted) {
    const next = () => this.perform(wanted);
    this.acting = this.acting.then(next, next);
    return this.acting;
  }

  async perform({ do: what, key }) {
    if (what === "listen") {
      this.wall.speak(this.phone, true);
    } else if (what === "key") {
      if (this.phone.awaits_key) await this.post("keys", { digit: key }, true);
    } else {
      if (what === "hangup" || what === "busy") this.wall.hush();
      await this.post(what, null, what === "answer" || what === "call-hotline");
    }
  }

  async post(what, body, listens = false) {
    const phone = await this.wall.send(`${this.address}/${what}`, body);
    if (!phone) return;
    this.show(phone);
    this.wall.count();
    if (listens) this.wall.speak(phone, false);
  }
}

class PhoneWall extends HTMLElement {
  connectedCallback() {
    this.cards = new Map();
    this.phones = [];
    this.idleShown = IDLE_SHOWN;
    this.named = (id) => document.getElementById(id);
    this.named("phone-filter").addEventListener("input", () => this.arrange());
    this.named("phone-more").addEventListener("click", () => {
      this.idleShown = Infinity;
      this.arrange();
    });
    this.named("phone-voice").addEventListener("change", (event) => event.target.checked || this.hush());
    this.named("fault-form").addEventListener("submit", (event) => {
      event.preventDefault();
      const kind = this.named("f-fault-kind").value;
      this.setFault(kind, Number(this.named("f-fault-count").value));
    });
    this.named("fault-list").addEventListener("click", (event) => {
      const button = event.target.closest("[data-fault]");
      if (button) this.setFault(button.dataset.fault, 0);
    });
    this.listen();
    this.refresh();
  }

  disconnectedCallback() {
    this.stream?.close();
    clearTimeout(this.waiting);
    this.hush();
  }

  listen() {
    this.stream = new EventSource(this.dataset.stream);
    this.stream.addEventListener("news", () => this.soon());
    this.stream.addEventListener("open", () => this.soon());
    this.stream.addEventListener("error", () => this.trouble(say("lost")));
    window.addEventListener("pagehide", () => this.stream.close());
    window.addEventListener("pageshow", (event) => event.persisted && location.reload());
  }

  /** News comes in bursts; one reading shortly after answers them all. */
  soon(pause = QUIET_MS) {
    this.waiting ||= setTimeout(() => {
      this.waiting = 0;
      this.refresh();
    }, pause);
  }

  async refresh() {
    if (this.reading) {
      this.again = true;
      return;
    }
    this.reading = true;
    const wall = await this.read(this.dataset.phones);
    this.reading = false;
    if (wall) this.show(wall);
    else this.soon(RETRY_MS);
    if (this.again) {
      this.again = false;
      this.soon();
    }
  }

  show(wall) {
    this.phones = wall.phones;
    for (const phone of wall.phones) {
      const card = this.cards.get(phone.number);
      const rang = card?.phone.state === "ringing";
      if (card) card.show(phone);
      else this.cards.set(phone.number, new Card(this, phone));
      if (phone.state === "ringing" && !rang) this.announce(say("rings", { phone: phone.label }));
    }
    this.showFaults(wall.faults);
    this.arrange();
    this.setAttribute("data-ready", "");
  }

  /** The ringing first, then those in a call, then the latest; moves only what stands in the wrong place. */
  arrange() {
    const wanted = this.named("phone-filter").value.replace(/\D/g, "");
    const matching = this.phones.filter((phone) => phone.number.includes(wanted));
    let idle = 0;
    const shown = matching.filter((phone) => wanted || phone.state !== "idle" || (idle += 1) <= this.idleShown);
    const list = this.named("phones");
    const elements = shown.map((phone) => this.cards.get(phone.number).element);
    for (const old of [...list.children]) if (!elements.includes(old)) old.remove();
    const focused = list.contains(document.activeElement) ? document.activeElement : null;
    elements.forEach((element, place) => {
      if (list.children[place] === element) return;
      list.insertBefore(element, list.children[place] ?? null);
      this.cards.get(element.dataset.number).toNewest();
    });
    if (focused && focused !== document.activeElement) focused.focus();
    const hidden = matching.length - shown.length;
    this.named("phone-more").hidden = !hidden;
    this.named("phone-more").textContent = say("more", { count: hidden });
    this.named("phones-none").hidden = this.phones.length > 0;
    this.named("phones-unmatched").hidden = !this.phones.length || matching.length > 0;
    this.count();
  }

  count() {
    const state = (name) => [...this.cards.values()].filter((card) => card.phone.state === name).length;
    const all = this.cards.size;
    this.named("phone-count").textContent = all
      ? say("ringing_now", { ringing: state("ringing"), talking: state("in_call"), all })
      : "";
  }

  showFaults(faults) {
    const names = Object.fromEntries([...this.named("f-fault-kind").options].map((one) => [one.value, one.text]));
    const set = Object.entries(faults);
    this.named("faults-set").hidden = !set.length;
    this.named("faults-set").textContent = say("faults_set", { count: set.length });
    this.named("fault-list").replaceChildren(
      ...set.map(([kind, count]) => {
        const item = document.createElement("li");
        const words = document.createElement("span");
        words.textContent = say("fault_left", { fault: names[kind] ?? kind, count });
        const off = document.createElement("button");
        off.type = "button";
        off.className = "btn btn-small";
        off.dataset.fault = kind;
        off.textContent = say("fault_off");
        off.setAttribute("aria-label", `${say("fault_off")} ${names[kind] ?? kind}`);
        item.append(words, off);
        return item;
      }),
    );
  }

  async setFault(kind, count) {
    const wall = await this.send(this.dataset.faults, { kind, count });
    if (wall) this.show(wall);
  }

  async read(address) {
    try {
      const answer = await fetch(address, { headers: { Accept: "application/json" } });
      if (answer.ok) {
        this.trouble("");
        return await answer.json();
      }
      if (answer.status === 401) location.reload(); // signed out meanwhile
      return null;
    } catch {
      this.trouble(say("lost"));
      return null;
    }
  }

  /** Posts an act; a refusal is shown as it was given, and what is shown is read anew. */
  async send(address, body) {
    try {
      const answer = await fetch(address, {
        method: "POST",
        headers: { Accept: "application/json", "Content-Type": "application/json" },
        body: body ? JSON.stringify(body) : undefined,
      });
      const said = await answer.json();
      if (answer.ok) {
        this.trouble("");
        return said;
      }
      this.soon();
      this.announce(`${said.detail} ${said.remedy}`);
      this.trouble(`${said.detail} ${said.remedy}`);
    } catch {
      this.trouble(say("lost"));
    }
    return null;
  }

  trouble(words) {
    const notice = this.named("phone-trouble");
    notice.hidden = !words;
    notice.querySelector("b").textContent = words;
  }

  announce(words) {
    this.named("phone-news").textContent = words;
  }

  /** Reads aloud what the phone says: once for each sentence, again when asked to. */
  speak(phone, again) {
    if (!phone.spoken || (!again && phone.turn === this.spokenTurn)) return;
    this.spokenTurn = phone.turn;
    this.announce(say("speaks", { phone: phone.label, text: phone.spoken }));
    if (!("speechSynthesis" in window) || (!again && !this.named("phone-voice").checked)) return;
    speechSynthesis.cancel();
    const utterance = new SpeechSynthesisUtterance(phone.spoken);
    utterance.lang = phone.language.startsWith("en") ? "en-US" : "zh-CN";
    speechSynthesis.speak(utterance);
  }

  hush() {
    if ("speechSynthesis" in window) speechSynthesis.cancel();
  }
}

customElements.define("phone-wall", PhoneWall);
