// The log: the messages of the open chat on the page, kept current and in place.

import { byTest, day, el, one } from "./dom.js";
import { author, bubble, service } from "./message.js";

const NEAR = 140;
const ROW_GAP = 600;

export class Log {
  /** `actions`: me, chat, reply, say, remove and press. */
  constructor(actions) {
    this.list = byTest("messages");
    this.scroll = byTest("scroll");
    this.down = byTest("down");
    this.messages = [];
    this.keep = () => true;
    this.shown = new Map();
    this.fresh = 0;
    this.stuck = true;
    this.top = 0;
    this.actions = {
      ...actions,
      view: (url) => this.#view(url),
      show: (id) => this.#show(id),
      mayDelete: (message) => this.#mayDelete(message),
      mayEdit: (message) => this.#mayEdit(message),
    };
    this.scroll.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    this.down.addEventListener("click", () => this.follow());
    // A picture that arrives or a composer that grows must not push the newest message away.
    const settle = new ResizeObserver(() => this.stuck && this.follow());
    settle.observe(this.scroll);
    settle.observe(this.list);
    const viewer = byTest("viewer");
    viewer.addEventListener("click", (event) => event.target.closest("a") || viewer.close());
  }

  /** Show another chat or topic: the messages that `keep` says. */
  open(keep) {
    this.keep = keep;
    this.shown.clear();
    this.list.replaceChildren();
    if (this.chatId !== this.actions.chat().id) this.messages = [];
    this.chatId = this.actions.chat().id;
    this.loaded = this.messages.length > 0;
    this.#draw();
    this.follow();
  }

  update(messages) {
    const first = !this.loaded;
    const near = this.stuck || this.#near();
    const newest = this.messages.at(-1)?.message_id ?? 0;
    this.messages = messages;
    this.loaded = true;
    this.#draw();
    if (first || near) this.follow();
    else this.#count(messages.filter((m) => m.message_id > newest && this.keep(m)).length);
  }

  /** Go to the newest message. */
  follow() {
    this.scroll.scrollTop = this.scroll.scrollHeight;
    this.#scrolled();
  }

  #near() {
    return this.scroll.scrollHeight - this.scroll.scrollTop - this.scroll.clientHeight < NEAR;
  }

  #scrolled() {
    const near = this.#near();
    // Only a person goes up; a picture that loads just before this event makes the way longer.
    if (near || this.scroll.scrollTop < this.top) this.stuck = near;
    this.top = this.scroll.scrollTop;
    this.down.hidden = near;
    if (near) this.#count(-this.fresh);
  }

  #count(more) {
    this.fresh += more;
    const badge = one(".badge", this.down);
    badge.hidden = this.fresh === 0;
    badge.textContent = this.fresh;
  }

  #draw() {
    const wanted = this.#items();
    const keys = new Set(wanted.map(({ key }) => key));
    for (const [key, { element }] of this.shown) {
      if (keys.has(key)) continue;
      element.remove();
      this.shown.delete(key);
    }
    let place = this.list.firstElementChild;
    for (const item of wanted) {
      const old = this.shown.get(item.key)?.element;
      const element = this.#element(item);
      if (old && old !== element) {
        if (old === place) place = old.nextElementSibling;
        old.remove();
      }
      if (element === place) place = place.nextElementSibling;
      else this.list.insertBefore(element, place);
    }
    byTest("empty").hidden = !this.loaded || wanted.length > 0;
  }

  /** The element of an item: the one on the page as long as it would look the same. */
  #element({ key, state, build }) {
    const signature = JSON.stringify(state);
    const old = this.shown.get(key);
    if (old?.signature === signature) return old.element;
    const element = build();
    if (!old) element.classList.add("new");
    this.shown.set(key, { signature, element });
    return element;
  }

  #items() {
    const groups = this.#groups();
    const items = [];
    groups.forEach((messages, index) => {
      const [first] = messages;
      const today = day(first.date);
      if (index === 0 || day(groups[index - 1][0].date) !== today) {
        items.push({ key: `day ${today}`, state: today, build: () => el("p", { class: "service day", text: today }) });
      }
      const look = this.#look(groups[index - 1]?.[0], first, groups[index + 1]?.[0]);
      items.push({
        key: first.message_id, state: [messages, look],
        build: () => bubble(messages, look, this.actions),
      });
    });
    return items;
  }

  /** Messages one by one, those of an album together. */
  #groups() {
    const groups = [];
    for (const message of this.messages.filter(this.keep)) {
      const album = message.media_group_id;
      const last = groups.at(-1);
      if (album && last?.[0].media_group_id === album) last.push(message);
      else groups.push([message]);
    }
    return groups;
  }

  #look(before, message, after) {
    const type = this.actions.chat().type;
    const mine = type !== "channel" && !message.sender_chat && message.from?.id === this.actions.me().id;
    const withAvatar = type !== "private" && !mine;
    return {
      mine, withAvatar,
      named: withAvatar && !together(before, message),
      last: !together(message, after),
    };
  }

  #mayDelete(message) {
    const me = this.actions.me().id;
    return message.from?.id === me || ["private", "channel"].includes(this.actions.chat().type);
  }

  /** People change their own words; what they sent by way of a bot is not theirs. */
  #mayEdit(message) {
    const words = message.text ?? message.caption;
    return Boolean(words) && message.from?.id === this.actions.me().id && !message.via_bot;
  }

  #show(id) {
    const element = one(`[data-message-id="${CSS.escape(id)}"]`, this.list);
    if (!element) return;
    element.scrollIntoView({ block: "center", behavior: "smooth" });
    element.classList.remove("found");
    void element.offsetWidth; // Starts the animation again if it is under way.
    element.classList.add("found");
  }

  #view(url) {
    const viewer = byTest("viewer");
    one("img", viewer).src = url;
    Object.assign(one("a", viewer), { href: url, download: "picture.jpg" });
    viewer.showModal();
  }
}

/** Whether two messages stand in one row: the same author, soon after each other. */
function together(one_, two) {
  return Boolean(one_ && two && !service(one_) && !service(two)
    && author(one_).id === author(two).id && two.date - one_.date < ROW_GAP);
}
