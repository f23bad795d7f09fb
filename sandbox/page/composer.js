// The composer: the text, the attached files and the reply on their way to being a message.

import { byTest, el, one, size, toast } from "./dom.js";
import { author, summary } from "./message.js";

const MOST_FILES = 10;
const PICTURE = /^image\/(jpeg|png|webp|gif|heic|heif)$/;

export class Composer {
  /** `send` takes {text, replyTo, edited, as, files} and may throw: then nothing is lost. */
  constructor(send) {
    this.send = send;
    this.files = [];
    this.replied = null;
    this.edited = null;
    this.form = byTest("composer");
    this.text = byTest("text");
    this.busy = false;
    this.#listen();
  }

  #listen() {
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
    this.text.addEventListener("keydown", (event) => this.#key(event));
    this.text.addEventListener("input", () => this.#grow());
    this.text.addEventListener("paste", (event) => this.#paste(event));
    byTest("attach").addEventListener("click", () => byTest("file").click());
    byTest("file").addEventListener("change", (event) => {
      this.attach(event.target.files);
      event.target.value = "";
    });
    byTest("answering-cancel").addEventListener("click", () => this.#leave());
    this.#dropping(one(".pane"));
  }

  #key(event) {
    // Enter also ends the writing of a Chinese word: that is not a wish to send.
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      this.#submit();
    } else if (event.key === "Escape") {
      this.#leave();
    }
  }

  /** Neither reply nor edit; words that were somebody's message already do not stay. */
  #leave() {
    if (this.edited) this.clear();
    else this.reply(null);
  }

  #paste(event) {
    const files = [...event.clipboardData.files];
    if (!files.length) return;
    event.preventDefault();
    this.attach(files);
  }

  #dropping(target) {
    const veil = byTest("drop");
    let depth = 0;
    const withFiles = (event) => event.dataTransfer?.types.includes("Files");
    target.addEventListener("dragenter", (event) => {
      if (!withFiles(event)) return;
      depth += 1;
      veil.hidden = false;
    });
    target.addEventListener("dragover", (event) => withFiles(event) && event.preventDefault());
    target.addEventListener("dragleave", () => {
      depth = Math.max(0, depth - 1);
      veil.hidden = depth === 0;
    });
    target.addEventListener("drop", (event) => {
      if (!withFiles(event)) return;
      event.preventDefault();
      depth = 0;
      veil.hidden = true;
      this.attach(event.dataTransfer.files);
    });
  }

  attach(files) {
    const room = MOST_FILES - this.files.length;
    if (files.length > room) toast(`At most ${MOST_FILES} files go into one message`, "bad");
    this.files.push(...[...files].slice(0, Math.max(0, room)));
    if (this.files.some((file) => !PICTURE.test(file.type))) byTest("as-file").checked = true;
    this.#showFiles();
    this.text.focus();
  }

  reply(message) {
    if (this.edited) this.clear();
    this.replied = message;
    this.#about(message, message && author(message).name);
  }

  /** Have the words of a message changed. */
  edit(message) {
    this.clear();
    this.edited = message;
    this.insert(message.text ?? message.caption, true);
    this.#about(message, "Edit message");
  }

  #about(message, title) {
    const bar = byTest("answering");
    bar.hidden = !message;
    if (!message) return;
    one("strong", bar).textContent = title;
    one("div > span", bar).textContent = summary(message);
    this.text.focus();
  }

  insert(text, replace = false) {
    const before = replace ? "" : this.text.value.trimEnd();
    this.text.value = before ? `${before} ${text}` : text;
    this.text.dispatchEvent(new Event("input"));
    this.text.focus();
  }

  clear() {
    this.text.value = "";
    this.text.dispatchEvent(new Event("input"));
    this.files = [];
    byTest("as-photo").checked = true;
    this.edited = null;
    this.reply(null);
    this.#showFiles();
    this.#grow();
  }

  #grow() {
    this.text.style.height = "auto";
    // Nothing has a height while the pane is hidden, as on a telephone.
    const height = Math.min(this.text.scrollHeight, 180);
    if (height) this.text.style.height = `${height}px`;
  }

  #showFiles() {
    const list = one(".previews", this.form);
    for (const image of list.querySelectorAll("img")) URL.revokeObjectURL(image.src);
    list.replaceChildren(...this.files.map((file, index) => this.#preview(file, index)));
    byTest("attached").hidden = this.files.length === 0;
    one(".as-photo", this.form).textContent = this.files.length > 1 ? "As album of photos" : "As photo";
  }

  #preview(file, index) {
    const drop = () => {
      this.files.splice(index, 1);
      this.#showFiles();
      this.text.focus();
    };
    return el(
      "li", { "data-testid": "preview" },
      PICTURE.test(file.type)
        ? el("img", { src: URL.createObjectURL(file), alt: file.name })
        : el("span", { class: "file-icon", "aria-hidden": "true", text: "↓" }),
      el("small", { text: `${file.name} · ${size(file.size)}` }),
      el("button", { type: "button", class: "icon", "aria-label": `Remove ${file.name}`, text: "✕", onclick: drop }),
    );
  }

  async #submit() {
    const text = this.text.value.trim();
    if (this.busy || (!text && !this.files.length)) return;
    this.busy = true;
    this.form.setAttribute("aria-busy", "true");
    try {
      await this.send({
        text,
        replyTo: this.replied?.message_id,
        edited: this.edited?.message_id,
        as: byTest("as-file").checked ? "file" : "photo",
        files: this.files,
      });
      this.clear();
    } catch (error) {
      toast(error.message, "bad");
    } finally {
      this.busy = false;
      this.form.removeAttribute("aria-busy");
      this.text.focus();
    }
  }
}
