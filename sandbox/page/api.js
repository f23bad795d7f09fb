// The page's side of the HTTP API: every request that the page makes.

const BASE = "sandbox/api";

/** An answer that the sandbox refused, in its own words. */
export class ApiError extends Error {}

export const fileUrl = (id) => `${BASE}/file/${encodeURIComponent(id)}`;

async function call(path, options) {
  const response = await fetch(`${BASE}/${path}`, options);
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(answer.error ?? `The sandbox answered ${response.status}`);
  return answer;
}

const post = (path, data) =>
  call(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(data),
  });

export const world = () => call("world");

/** Wait up to 20 seconds for a version other than `since`; -1 answers at once. */
export const chat = (id, since, signal) => call(`chat/${id}?since=${since}`, { signal });

export const press = (person, chatId, messageId, data) =>
  post("press", { person, chat: chatId, message_id: messageId, data });

export const edit = (person, chatId, messageId, text) =>
  post("edit", { person, chat: chatId, message_id: messageId, text });

export const remove = (person, chatId, messageId) =>
  post("delete", { person, chat: chatId, message_id: messageId });

export const inline = (person, query, offset) => post("inline", { person, query, offset });

export const choose = (person, chatId, thread, queryId, resultId) =>
  post("choose", { person, chat: chatId, thread, query_id: queryId, result_id: resultId });

/** Let an administrator say what the bot may do in a chat. */
export const setBotRole = (person, chatId, wanted) =>
  post("bot_role", { person, chat: chatId, bot_role: wanted });

export const addPerson = (name, language) => post("person", { name, language });

/** Send a message; `draft` is {text, replyTo, thread, as, files}. */
export function send(person, chatId, draft) {
  const form = new FormData();
  form.set("person", person);
  form.set("chat", chatId);
  form.set("text", draft.text);
  if (draft.replyTo != null) form.set("reply_to", draft.replyTo);
  if (draft.thread != null) form.set("thread", draft.thread);
  if (draft.asChat != null) form.set("as_chat", draft.asChat);
  form.set("as", draft.as);
  for (const file of draft.files) form.append("files", file, file.name);
  return call("send", { method: "POST", body: form });
}
