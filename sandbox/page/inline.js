// Inline mode: what the bot offers while its name stands before the text.

import { fileUrl } from "./api.js";
import { byTest, el, one } from "./dom.js";

const PAUSE = 200;

export class Inline {
  /** `ask` takes (words, offset) and gives an offer, `choose` (offer, result); `open` goes to the bot. */
  constructor({ text, name, ask, choose, open }) {
    Object.assign(this, { text, name, ask, choose, open });
    this.box = byTest("inline");
    this.timer = 0;
    this.asked = null;
    text.addEventListener("input", () => this.typed());
  }

  /** Look at what stands in the composer: the bot's name and a space begin a query. */
  typed() {
    const start = `@${this.name()} `.toLowerCase();
    const value = this.text.value;
    const words = value.toLowerCase().startsWith(start) ? value.slice(start.length).trim() : null;
    if (words === this.asked) return;
    this.asked = words;
    clearTimeout(this.timer);
    if (words == null) this.close();
    else this.timer = setTimeout(() => this.#look(words, ""), PAUSE);
  }

  close() {
    clearTimeout(this.timer);
    this.asked = null;
    this.box.hidden = true;
    one("ul", this.box).replaceChildren();
  }

  async #look(words, offset) {
    const offer = await this.ask(words, offset);
    if (!offer || words !== this.asked) return; // what was typed since is asked about already
    const list = one("ul", this.box);
    const more = offer.next_offset && el("li", {}, el("button", {
      type: "button", class: "offer more", text: "More…",
      onclick: (event) => {
        event.currentTarget.closest("li").remove();
        this.#look(words, offer.next_offset);
      },
    }));
    const shown = [...offer.results.map((result) => this.#result(offer, result)), more].filter(Boolean);
    if (offset) list.append(...shown);
    else list.replaceChildren(...this.#door(offer), ...shown);
    this.box.hidden = list.children.length === 0;
  }

  #door(offer) {
    if (!offer.button) return [];
    return [el("li", {}, el("button", {
      type: "button", class: "offer more", text: offer.button.text,
      onclick: () => this.open(offer.button.start_parameter),
    }))];
  }

  #result(offer, result) {
    const picture = result.photo_file_id;
    return el("li", {}, el(
      "button",
      {
        type: "button", class: "offer", "data-testid": "offer",
        onclick: () => this.choose(offer, result),
      },
      picture
        ? el("img", { src: fileUrl(picture), alt: "", decoding: "async" })
        : el("span", { class: "offer-icon", "aria-hidden": "true", text: "✎" }),
      el(
        "span", {}, el("span", { text: result.title ?? result.id }),
        result.description && el("small", { text: result.description }),
      ),
    ));
  }
}
