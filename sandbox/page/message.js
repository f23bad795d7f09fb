// Messages: from Bot API objects to elements.

import { fileUrl } from "./api.js";
import { avatar, clock, colourOf, el, size } from "./dom.js";

const TAGS = {
  bold: "strong", italic: "em", underline: "u", strikethrough: "s", code: "code", pre: "pre",
  blockquote: "blockquote", expandable_blockquote: "blockquote", mention: "span",
  hashtag: "span", text_mention: "span", spoiler: "span",
};

/** Who speaks: a person, the bot, or a channel in its own name. */
export function author(message) {
  const chat = message.sender_chat ?? (message.from ? null : message.chat);
  if (chat) return { id: chat.id, name: chat.title ?? chat.first_name ?? "Channel" };
  const { id, first_name: first, last_name: last } = message.from;
  return { id, name: [first, last].filter(Boolean).join(" ") };
}

/** A message in a few words, for quotes and for the list of chats. */
export function summary(message) {
  if (!message) return "";
  const said = message.text ?? message.caption;
  if (said) return said;
  if (message.photo) return "Photo";
  if (message.document) return message.document.file_name ?? "File";
  if (message.voice) return `Voice message, ${message.voice.duration} s`;
  return service(message) ?? "Message";
}

/** Whether a message makes my app begin a reply to it, as clients of Telegram do. */
export function forcesReply(message, me) {
  if (message.forces !== "named" || message.chat.type === "private") return Boolean(message.forces);
  const mentioned = (message.entities ?? []).some((entity) => entity.user?.id === me.id);
  return mentioned || message.reply_to_message?.from?.id === me.id;
}

/** What happened in the chat, if the message tells that and nothing else. */
export function service(message) {
  if (message.new_chat_members) return `${names(message.new_chat_members)} joined the group`;
  if (message.left_chat_member) return `${message.left_chat_member.first_name} left the group`;
  if (message.migrate_to_chat_id) return "The group became a supergroup";
  if (message.migrate_from_chat_id) return "The group became a supergroup";
  if (message.forum_topic_created) return `Topic “${message.forum_topic_created.name}” was created`;
  if (message.group_chat_created || message.supergroup_chat_created) return "The group was created";
  if (message.channel_chat_created) return "The channel was created";
  return null;
}

const names = (people) => people.map((person) => person.first_name).join(", ");

/** Rich text: entities are UTF-16 ranges, as JavaScript's strings are; they may nest. */
function rich(text, entities = [], actions) {
  const edges = new Set([0, text.length]);
  for (const { offset, length } of entities) edges.add(offset).add(offset + length);
  const cuts = [...edges].filter((at) => at <= text.length).sort((a, b) => a - b);
  return cuts.slice(0, -1).map((from, index) => {
    const to = cuts[index + 1];
    const around = entities.filter((e) => e.offset <= from && e.offset + e.length >= to);
    const piece = document.createTextNode(text.slice(from, to));
    return around.reduceRight((inner, entity) => wrapped(inner, entity, text, actions), piece);
  });
}

function wrapped(inner, entity, text, actions) {
  const said = text.slice(entity.offset, entity.offset + entity.length);
  if (entity.type === "bot_command") {
    return el("button", { type: "button", class: "link", onclick: () => actions.say(said) }, inner);
  }
  if (entity.type === "url" || entity.type === "text_link") {
    const href = safe(entity.url ?? said);
    return href ? el("a", { href, target: "_blank", rel: "noopener noreferrer" }, inner) : inner;
  }
  const tag = TAGS[entity.type];
  return tag ? el(tag, { class: `entity-${entity.type}` }, inner) : inner;
}

function safe(url) {
  try {
    const parsed = new URL(url.includes("://") ? url : `https://${url}`);
    return ["http:", "https:"].includes(parsed.protocol) ? parsed.href : null;
  } catch {
    return null;
  }
}

function quote(message, actions) {
  const replied = message.reply_to_message;
  if (!replied || replied.forum_topic_created) return null;
  const who = author(replied);
  const smallest = replied.photo?.[0];
  return el(
    "button",
    {
      type: "button", class: `quote ${colourOf(who.id)}`, "data-testid": "quote",
      "aria-label": `In reply to ${who.name}: ${summary(replied)}`,
      onclick: () => actions.show(replied.message_id),
    },
    smallest && el("img", { src: fileUrl(smallest.file_id), alt: "" }),
    el("span", {}, el("strong", { text: who.name }), el("span", { text: summary(replied) })),
  );
}

function photo(message, actions) {
  const largest = message.photo.at(-1);
  const who = author(message).name;
  return el(
    "button",
    {
      type: "button", class: "photo", "data-testid": "photo",
      "aria-label": "Open the picture in full size",
      onclick: () => actions.view(fileUrl(largest.file_id)),
    },
    el("img", {
      src: fileUrl(largest.file_id), width: largest.width, height: largest.height,
      alt: message.caption ? `Picture: ${message.caption}` : `Picture from ${who}`,
      decoding: "async",
    }),
  );
}

function file(message) {
  const document = message.document;
  const name = document.file_name ?? "file";
  const picture = document.thumbnail
    ?? (document.mime_type?.startsWith("image/") && document.file_size < 5_000_000 ? document : null);
  return el(
    "a",
    {
      class: "file", href: fileUrl(document.file_id), download: name,
      "data-testid": "document", "aria-label": `Download ${name}`,
    },
    picture
      ? el("img", { src: fileUrl(picture.file_id), alt: "", decoding: "async" })
      : el("span", { class: "file-icon", "aria-hidden": "true", text: "↓" }),
    el(
      "span", {},
      el("strong", { text: name }),
      el("small", { text: [size(document.file_size), document.mime_type].filter(Boolean).join(" · ") }),
    ),
  );
}

/** A voice can be fetched; it need not be one that a browser could play. */
function voice(message) {
  return el(
    "a",
    {
      class: "file", href: fileUrl(message.voice.file_id), download: "voice.ogg",
      "data-testid": "voice", "aria-label": "Download the voice message",
    },
    el("span", { class: "file-icon", "aria-hidden": "true", text: "♪" }),
    el(
      "span", {},
      el("strong", { text: "Voice message" }), el("small", { text: `${message.voice.duration} s` }),
    ),
  );
}

function keyboard(message, actions) {
  const rows = message.reply_markup?.inline_keyboard;
  if (!rows?.length) return null;
  const key = (button) => {
    const href = button.url && safe(button.url);
    if (href) {
      return el("a", { class: "key", href, target: "_blank", rel: "noopener noreferrer", text: button.text });
    }
    return el("button", {
      type: "button", class: `key ${button.style ?? ""}`, "data-testid": "key", text: button.text,
      dir: "auto",
      disabled: [button.callback_data, button.copy_text, button.switch_inline_query_current_chat]
        .every((action) => action == null),
      onclick: (event) => actions.press(message, button, event.currentTarget),
    });
  };
  return el(
    "div", { class: "keyboard", role: "group", "aria-label": "Buttons" },
    ...rows.map((row) => el("div", {}, ...row.map(key))),
  );
}

function tools(message, captioned, actions) {
  return el(
    "div", { class: "tools" },
    el("button", {
      type: "button", class: "tool", "data-testid": "reply", text: "Reply",
      onclick: () => actions.reply(message),
    }),
    actions.mayEdit(captioned) && el("button", {
      type: "button", class: "tool", "data-testid": "edit", text: "Edit",
      onclick: () => actions.edit(captioned),
    }),
    actions.mayDelete(message) && el("button", {
      type: "button", class: "tool", "data-testid": "delete", text: "Delete",
      onclick: () => actions.remove(message),
    }),
  );
}

function words(message, actions) {
  const text = message.text ?? message.caption;
  if (!text) return null;
  const entities = message.entities ?? message.caption_entities;
  return el("p", { class: "words", "data-testid": "words", dir: "auto" }, ...rich(text, entities, actions));
}

function stamp(message, mine) {
  return el(
    "span", { class: "stamp" },
    message.via_bot && el("span", { text: `via @${message.via_bot.username} ` }),
    message.edit_date && el("span", { text: "edited " }),
    el("time", { datetime: new Date(message.date * 1000).toISOString(), text: clock(message.date) }),
    mine && el("span", { class: "ticks", "aria-label": "sent", role: "img", text: "✓✓" }),
  );
}

/**
 * Build what one bubble shows: a message, or all messages of an album.
 * `look` is {mine, named, last}: on whose side it stands, whether it names its author, and
 * whether it ends a row of messages of one author.
 */
export function bubble(messages, look, actions) {
  const [first] = messages;
  const told = service(first);
  if (told) return el("p", { class: "service", "data-message-id": first.message_id, text: told });
  const who = author(first);
  const captioned = messages.find((message) => message.caption) ?? first;
  const pictures = messages.filter((message) => message.photo);
  const files = messages.filter((message) => message.document);
  const textless = !(captioned.text ?? captioned.caption);
  const body = el(
    "div", { class: `bubble ${pictures.length ? "pictured" : ""} ${textless ? "textless" : ""}` },
    look.named && el("strong", { class: `name ${colourOf(who.id)}`, text: who.name }),
    quote(first, actions),
    pictures.length > 0 && el(
      "div", { class: `pictures count-${Math.min(pictures.length, 4)}` },
      ...pictures.map((message) => photo(message, actions)),
    ),
    ...files.map(file),
    first.voice && voice(first),
    words(captioned, actions),
    stamp(messages.at(-1), look.mine),
  );
  return el(
    "article",
    {
      class: `message ${look.mine ? "mine" : "theirs"} ${look.last ? "last" : ""}`,
      "data-testid": "message", "data-message-id": first.message_id,
      "data-author": who.name, "data-bot": first.from_bot ? "yes" : "no",
      "aria-label": `${who.name}, ${clock(first.date)}`,
      ondblclick: (event) => event.target.closest("button, a, .words") || actions.reply(first),
    },
    look.withAvatar && (look.last ? avatar(who.id, who.name) : el("span", { class: "avatar none" })),
    el("div", { class: "column" }, body, keyboard(first, actions)),
    tools(first, captioned, actions),
  );
}
