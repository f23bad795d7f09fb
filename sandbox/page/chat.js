// The chat: who I am, which chat is open, and the long poll that keeps it current.

import * as api from "./api.js";
import { Composer } from "./composer.js";
import { alertBox, avatar, byTest, clock, el, one, toast } from "./dom.js";
import { Inline } from "./inline.js";
import { Log } from "./log.js";
import { forcesReply, summary } from "./message.js";
import { Rights, SUFFIXES } from "./rights.js";

const PROMPTS = [
  "A lighthouse on a cliff at dusk, watercolour",
  "一只戴着草帽的橘猫坐在窗台上看雨",
  "/help",
];
const GROUP_PROMPTS = ["/imagine a lighthouse on a cliff at dusk", "/imagine 雨中的橘猫", "/help"];
const WORDS = {
  "sandbox:slow=5": "takes five seconds",
  "sandbox:pictures=3": "three pictures at once",
  "sandbox:text": "words instead of a picture",
  "sandbox:refuse": "refuses",
  "sandbox:error=503": "fails: 401, 402, 403, 429, 500, 502, 503, 524",
  "sandbox:html": "a web page instead of an answer",
  "sandbox:truncated": "half an answer",
  "sandbox:cut": "hangs up in mid-answer",
  "sandbox:hang": "never answers",
  "sandbox:shape=3": "other forms of answer: 1, 2, 2b, 3, 4, 5, 7",
};
const ACTIONS = {
  typing: "is typing", upload_photo: "is sending a photo", upload_document: "is sending a file",
};
const REFRESH = 4000;
const ACTION_SHOWN = 6000;

const state = { world: null, me: null, chat: null, topic: null, seen: new Map(), version: -1, newest: 0 };
let polling = new AbortController();
let actionTimer = 0;

const composer = new Composer(async (draft) => {
  if (draft.edited) {
    await api.edit(state.me.id, state.chat.id, draft.edited, draft.text);
    return;
  }
  const thread = state.topic && !isGeneral(state.topic) ? state.topic.id : null;
  const asChat = byTest("anonymous").checked ? state.chat.id : null;
  log.follow();
  await api.send(state.me.id, state.chat.id, { ...draft, thread, asChat });
});
const inline = new Inline({
  text: byTest("text"),
  name: () => state.world.bot.username,
  ask: (words, offset) => said(api.inline(state.me.id, words, offset)),
  choose: async (offer, result) => {
    log.follow();
    const thread = state.topic && !isGeneral(state.topic) ? state.topic.id : null;
    const sent = api.choose(state.me.id, state.chat.id, thread, offer.query_id, result.id);
    if (await said(sent)) composer.clear();
  },
  open: async (parameter) => {
    go(state.me.id, state.me.id);
    await said(api.send(state.me.id, state.me.id, { text: `/start ${parameter}`, as: "photo", files: [] }));
  },
});
const log = new Log({
  me: () => state.me,
  chat: () => state.chat,
  reply: (message) => composer.reply(message),
  edit: (message) => composer.edit(message),
  say: (text) => said(api.send(state.me.id, state.chat.id, { text, as: "photo", files: [] })),
  remove: (message) => said(api.remove(state.me.id, state.chat.id, message.message_id)),
  press,
});

const rights = new Rights(async (role) => {
  if (!(await said(api.setBotRole(state.me.id, state.chat.id, role)))) return;
  state.world = await api.world();
  arrive();
});

async function said(promise) {
  try {
    return await promise;
  } catch (error) {
    toast(error.message, "bad");
    return null;
  }
}

async function press(message, button, key) {
  if (button.copy_text) {
    await navigator.clipboard?.writeText(button.copy_text.text);
    toast("Copied");
    return;
  }
  if (button.switch_inline_query_current_chat != null) {
    composer.insert(`@${state.world.bot.username} ${button.switch_inline_query_current_chat}`, true);
    return;
  }
  key.setAttribute("aria-busy", "true");
  const answer = await said(
    api.press(state.me.id, state.chat.id, message.message_id, button.callback_data),
  );
  key.removeAttribute("aria-busy");
  if (answer?.text) (answer.show_alert ? alertBox : toast)(answer.text);
}

// Chats
// -----

const isGeneral = (topic) => topic.id == null || topic.id <= 1;

function myChats() {
  const { chats, bot } = state.world;
  const mine = chats.filter((chat) =>
    chat.type === "private" ? chat.id === state.me.id : chat.members.includes(state.me.id));
  return mine.map((chat) =>
    chat.type === "private"
      ? { ...chat, face: bot.id, title: bot.first_name || bot.username }
      : { ...chat, face: chat.id });
}

/** Whether the bot is no member of a chat: there it is a guest. */
const isAway = (chat) => chat.type !== "private" && !chat.members.includes(state.world.bot.id);

const KINDS = {
  private: { kind: "private", word: "bot" },
  group: { kind: "group", word: "group" },
  supergroup: { kind: "group", word: "group" },
  channel: { kind: "channel", word: "channel" },
};
const kindOf = (chat) =>
  isAway(chat) ? "away" : chat.direct ? "direct" : KINDS[chat.type].kind;

function showPeople() {
  const people = state.world.persons.map((person) =>
    el(
      "button",
      {
        type: "button", class: "person", "aria-pressed": String(person.id === state.me.id),
        "data-testid": `person-${person.name}`, title: `${person.name} (${person.language})`,
        onclick: () => go(person.id, null),
      },
      avatar(person.id, person.name),
      el("span", { text: person.name }),
    ));
  const add = el(
    "button",
    { type: "button", class: "person", "data-testid": "person-add", onclick: askNewcomer },
    el("span", { class: "avatar add", "aria-hidden": "true", text: "+" }),
    el("span", { text: "Add" }),
  );
  replaceIfChanged(one(".people"), [...people, add]);
}

function showChats() {
  const rows = myChats().map((chat) => {
    const { last, unread } = state.seen.get(`${state.me.id}/${chat.id}`) ?? {};
    const open = chat.id === state.chat?.id;
    return el(
      "button",
      {
        type: "button", class: "row", "aria-current": open ? "true" : null,
        "data-testid": `chat-${kindOf(chat)}`, "data-chat-id": chat.id,
        onclick: () => go(state.me.id, chat.id),
      },
      avatar(chat.face, chat.title),
      el(
        "span", { class: "row-text" },
        el("span", {}, el("strong", { text: chat.title }), last && el("time", { text: clock(last.date) })),
        el(
          "span", {},
          el("span", { class: "row-last", text: last ? summary(last) : KINDS[chat.type].word }),
          unread > 0 && !open && el("span", { class: "badge", "aria-label": `${unread} new`, text: unread }),
        ),
      ),
    );
  });
  replaceIfChanged(one(".chats"), rows);
}

/** Replace children only when they would look different: keeps the focus and the hover. */
function replaceIfChanged(parent, children) {
  const shown = parent.children;
  const same = shown.length === children.length
    && children.every((child, index) => child.isEqualNode(shown[index]));
  if (!same) {
    const focused = [...shown].indexOf(document.activeElement);
    parent.replaceChildren(...children);
    if (focused >= 0) parent.children[focused]?.focus();
  }
}

function showTopics() {
  const topics = state.chat.topics ?? [];
  const list = one(".topics");
  list.hidden = topics.length === 0;
  replaceIfChanged(list, topics.map((topic) =>
    el("button", {
      type: "button", role: "tab", "aria-selected": String(topic.id === state.topic?.id),
      "data-testid": `topic-${topic.name}`, text: topic.name,
      onclick: () => {
        state.topic = topic;
        showTopics();
        log.open(inTopic);
      },
    })));
}

function inTopic(message) {
  if (state.chat.direct && !state.chat.admins.includes(state.me.id)) {
    return message.direct_messages_topic?.topic_id === state.me.id;
  }
  if (!state.topic) return true;
  const thread = message.is_topic_message ? message.message_thread_id : null;
  return isGeneral(state.topic) ? thread == null : thread === state.topic.id;
}

function showBar() {
  const chat = state.chat;
  byTest("chat-title").textContent = chat.title;
  one(".bar-avatar").replaceChildren(avatar(chat.face, chat.title));
  document.title = `${chat.title} · Sandbox chat`;
  showStatus([]);
  const group = chat.type !== "private";
  rights.show(chat, state.world.bot, group && !chat.direct && chat.admins.includes(state.me.id));
  const hides = KINDS[chat.type].kind === "group" && chat.admins.includes(state.me.id);
  one(".hidden-as").hidden = !hides;
  byTest("anonymous").checked = false;
  byTest("text").placeholder = chat.type === "channel" ? "Broadcast" : "Message";
  for (const list of document.querySelectorAll(".suggestions")) suggest(list, group);
  one(".empty-text").textContent = isAway(chat)
    ? "The bot is no member here. Mention it, or write its name first and choose what it offers:"
    : chat.bot_role === "administrator" && kindOf(chat) === "group"
      ? "Here the bot hears every message: give it a keyword in /settings, and begin with that. Try:"
    : group ? "Here the bot answers to /imagine, to a mention and to replies. Try:"
    : "Write what the picture should show, or drop photos to have them changed. Try:";
}

function suggest(list, group) {
  const start = group ? [] : ["/start"];
  const name = `@${state.world.bot.username} `;
  const away = PROMPTS.slice(0, 2).map((prompt) => name + prompt);
  const prompts = isAway(state.chat) ? away : group ? GROUP_PROMPTS : PROMPTS;
  list.replaceChildren(...[...start, ...prompts].map((text) =>
    el("button", { type: "button", class: "chip", text, onclick: () => composer.insert(text, true) })));
}

function showStatus(actions) {
  clearTimeout(actionTimer);
  const { bot } = state.world;
  const people = state.chat.members?.filter((id) => id !== bot.id).length;
  const suffix = state.chat.direct ? "" : SUFFIXES[state.chat.bot_role] ?? "";
  const usual = { private: "bot", channel: "channel" }[state.chat.type]
    ?? (isAway(state.chat)
      ? `${people} people`
      : `${people} people and ${bot.first_name || bot.username}${suffix}`);
  const action = actions.map((name) => ACTIONS[name] ?? name.replaceAll("_", " ")).at(-1);
  const status = byTest("status");
  status.textContent = !action ? usual
    : `${state.chat.type === "private" ? "" : `${bot.first_name} `}${action}…`;
  status.classList.toggle("acting", Boolean(action));
  if (action) actionTimer = setTimeout(() => showStatus([]), ACTION_SHOWN);
}

// Going places
// ------------

/** Open a chat as a person; the address says both, so that each tab may be somebody else. */
function go(personId, chatId) {
  location.hash = chatId == null ? `${personId}` : `${personId}/${chatId}`;
}

function arrive() {
  const [personId, chatId] = location.hash.slice(1).split("/").map(Number);
  const person = state.world.persons.find(({ id }) => id === personId) ?? state.world.persons[0];
  const changed = person.id !== state.me?.id;
  state.me = person;
  const chats = myChats();
  const chat = chats.find(({ id }) => id === chatId) ?? chats[0];
  document.body.classList.toggle("in-chat", Boolean(chatId));
  if (changed || chat.id !== state.chat?.id) open(chat);
  else if (chat.bot_role !== state.chat.bot_role) stay(chat);
  showPeople();
  if (changed) one('.person[aria-pressed="true"]')?.scrollIntoView({ inline: "nearest", block: "nearest" });
  showChats();
  showTopics();
}

function open(chat) {
  polling.abort();
  polling = new AbortController();
  Object.assign(state, { chat, topic: chat.topics?.[0] ?? null, version: -1 });
  composer.clear();
  showBar();
  log.open(inTopic);
  poll(chat, polling.signal);
}

/** Go on in a chat in which the bot may do something else now. */
function stay(chat) {
  state.chat = chat;
  showBar();
}

async function poll(chat, signal) {
  while (!signal.aborted) {
    try {
      const answer = await api.chat(chat.id, state.version, signal);
      if (signal.aborted) return;
      beginReply(answer.messages);
      state.version = answer.version;
      document.body.classList.remove("offline");
      log.update(answer.messages);
      showStatus(answer.actions);
      remember(chat.id, answer.messages, true);
      showChats();
    } catch (error) {
      if (signal.aborted) return;
      document.body.classList.add("offline");
      byTest("status").textContent = "connecting…";
      await pause(1500);
    }
    await visible();
  }
}

/** A new question that asks for a reply opens one, unless a message is being changed. */
function beginReply(messages) {
  const newest = messages.at(-1)?.message_id ?? 0;
  const opened = state.version >= 0;
  const asking = messages.filter((message) => message.message_id > state.newest && inTopic(message)
    && forcesReply(message, state.me)).at(-1);
  state.newest = newest;
  if (opened && asking && !composer.edited) composer.reply(asking);
}

const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

/** A hidden tab does not poll: browsers allow few connections to one server. */
function visible() {
  if (!document.hidden) return null;
  return new Promise((done) =>
    document.addEventListener("visibilitychange", done, { once: true }));
}

function remember(chatId, messages, read) {
  const key = `${state.me.id}/${chatId}`;
  const before = state.seen.get(key);
  const last = messages.at(-1);
  const newest = read || !before ? last?.message_id ?? 0 : before.newest;
  const unread = messages.filter((message) =>
    message.message_id > newest && message.from?.id !== state.me.id).length;
  state.seen.set(key, { last, newest, unread });
}

/** The other chats of the list, and who is there: looked at now and then. */
async function refresh() {
  await visible();
  try {
    state.world = await api.world();
    const me = state.me;
    for (const chat of myChats().filter(({ id }) => id !== state.chat.id)) {
      const { messages } = await api.chat(chat.id, -1);
      if (me === state.me) remember(chat.id, messages, false);
    }
    arrive();
  } catch {
    // The long poll of the open chat says that the sandbox is away.
  }
  setTimeout(refresh, REFRESH);
}

// The rest of the page
// --------------------

function askNewcomer() {
  const dialog = byTest("newcomer");
  one("form", dialog).reset();
  dialog.showModal();
}

async function addNewcomer(event) {
  const { name, language } = Object.fromEntries(new FormData(event.target));
  const known = new Set(state.world.persons.map(({ id }) => id));
  if (!(await said(api.addPerson(name.trim(), language)))) return;
  state.world = await api.world();
  const newcomer = state.world.persons.find(({ id }) => !known.has(id));
  if (newcomer) go(newcomer.id, null);
}

function toggleHints() {
  const hints = byTest("hints");
  hints.hidden = !hints.hidden;
  byTest("ideas").setAttribute("aria-expanded", String(!hints.hidden));
}

function wire() {
  byTest("back").addEventListener("click", () => go(state.me.id, null));
  byTest("ideas").addEventListener("click", toggleHints);
  byTest("newcomer-cancel").addEventListener("click", () => byTest("newcomer").close());
  one("form", byTest("newcomer")).addEventListener("submit", addNewcomer);
  one(".word-list").replaceChildren(...Object.entries(WORDS).map(([word, meaning]) =>
    el(
      "button",
      { type: "button", class: "word", onclick: () => composer.insert(word) },
      el("code", { text: word }), el("span", { text: meaning }),
    )));
  addEventListener("hashchange", arrive);
}

async function start() {
  wire();
  for (;;) {
    try {
      state.world = await api.world();
      break;
    } catch {
      await pause(1500);
    }
  }
  arrive();
  refresh();
}

start();
