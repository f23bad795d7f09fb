// The menu in which an administrator says what the bot may do in a chat.

import { byTest, el, one } from "./dom.js";

const FOOTINGS = {
  administrator: ["Administrator", "hears every message"],
  member: ["Member", "hears what is addressed to it"],
  photoless: ["Member without photos", "may send words and files"],
  muted: ["Muted", "hears, and may not write"],
  out: ["Not here", "a guest, when somebody mentions it"],
};
const IN_CHANNELS = ["administrator", "out"];
const GAP = 6;

/** What the bot's role adds to the name of a group's status line. */
export const SUFFIXES = { administrator: ", administrator", photoless: ", without photos", muted: ", muted" };

export class Rights {
  /** `choose` is told the role that was chosen. */
  constructor(choose) {
    this.choose = choose;
    this.menu = byTest("rights");
    this.menu.addEventListener("beforetoggle", () => this.place());
  }

  /** Show what may be chosen in this chat, to whom it may choose. */
  show(chat, bot, mayChoose) {
    byTest("rights-open").hidden = !mayChoose;
    if (!mayChoose) {
      this.menu.hidePopover();
      return;
    }
    one("h2", this.menu).textContent = `${bot.first_name || bot.username} in “${chat.title}”`;
    const offered = chat.type === "channel" ? IN_CHANNELS : Object.keys(FOOTINGS);
    one("div", this.menu).replaceChildren(...offered.map((name) => this.item(name, chat.bot_role)));
  }

  item(name, current) {
    const [title, meaning] = FOOTINGS[name];
    return el(
      "button",
      {
        type: "button", class: "right", "aria-pressed": String(name === current),
        "data-testid": `right-${name}`, autofocus: name === current,
        onclick: () => {
          this.menu.hidePopover();
          if (name !== current) this.choose(name);
        },
      },
      el("strong", { text: title }), el("span", { text: meaning }),
    );
  }

  /** Under the bar, however high it and the banner are. */
  place() {
    this.menu.style.top = `${one(".bar").getBoundingClientRect().bottom + GAP}px`;
  }
}
