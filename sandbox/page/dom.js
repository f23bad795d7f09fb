// Elements: built from data without ever parsing text as HTML.

/** Build an element; `properties` are attributes, `on…` listeners, or `class` and `text`. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value == null || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name === "class") element.className = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child != null && child !== false));
  return element;
}

export const one = (selector, within = document) => within.querySelector(selector);
export const byTest = (id) => one(`[data-testid="${id}"]`);

const COLOURS = 7;

/** A round picture with a name's first letter, in the colour of its id. */
export function avatar(id, name) {
  const letter = [...(name || "?").trim()][0] ?? "?";
  const colour = Math.abs(Number(id)) % COLOURS;
  return el("span", {
    class: `avatar colour-${colour}`, "aria-hidden": "true", text: letter.toUpperCase(),
  });
}

export const colourOf = (id) => `colour-${Math.abs(Number(id)) % COLOURS}`;

export const clock = (seconds) =>
  new Date(seconds * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });

export const day = (seconds) =>
  new Date(seconds * 1000).toLocaleDateString([], { day: "numeric", month: "long" });

export function size(bytes) {
  if (bytes == null) return "";
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(0)} KB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

/** Say something that passes by itself. */
export function toast(text, kind = "") {
  const shown = el("p", { class: `toast ${kind}`, "data-testid": "toast", text });
  byTest("toasts").append(shown);
  setTimeout(() => shown.remove(), kind === "bad" ? 7000 : 4000);
}

/** Say something that waits for OK. */
export function alertBox(text) {
  const dialog = byTest("alert");
  one("p", dialog).textContent = text;
  if (!dialog.open) dialog.showModal();
}
