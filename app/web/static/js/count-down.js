// Shows the minutes and seconds left until an instant, and turns red in the last minute.

const SOON_S = 60;

class CountDown extends HTMLElement {
  connectedCallback() {
    this.until = Date.parse(this.dataset.until);
    this.setAttribute("role", "timer");
    this.timer = setInterval(() => this.show(), 1000);
    this.show();
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  show() {
    const left = Math.ceil((this.until - Date.now()) / 1000);
    if (Number.isNaN(left)) return;
    if (left <= 0) {
      this.textContent = this.dataset.over || "0:00";
      this.removeAttribute("data-soon");
      clearInterval(this.timer);
      return;
    }
    const pad = (value) => String(value).padStart(2, "0");
    const hours = Math.floor(left / 3600);
    const rest = `${pad(Math.floor(left / 60) % 60)}:${pad(left % 60)}`;
    this.textContent = hours ? `${hours}:${rest}` : rest;
    this.toggleAttribute("data-soon", left <= SOON_S);
  }
}

customElements.define("count-down", CountDown);
