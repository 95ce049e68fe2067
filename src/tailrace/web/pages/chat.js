// A chat on the relay's endpoint. The conversation is kept in this browser; an answer that is under
// way is known by its id, and is followed again after a reload, in a second tab, on another node.
import { relayFetch } from "./claude/relay.js";
import { show } from "./markdown.js";

const wait = (ms) => new Promise((go) => setTimeout(go, ms));
const about = settings(); // who answers; what is typed before that is known is not lost
const STORE = "tailrace chat";
const find = (selector) => document.querySelector(selector);
const place = find("#messages");
const views = new Map(); // message -> its elements
let messages = load(); // { role, text, id?, key?, end?, tokens?, seconds?, problem? }
let name = ""; // of who answers
let following = null; // the answer that is followed, and how to leave it

function load() {
  try {
    return JSON.parse(localStorage.getItem(STORE)) ?? [];
  } catch {
    return [];
  }
}

function save() {
  localStorage.setItem(STORE, JSON.stringify(messages));
}

/** What the server says of itself, asked for until a node answers. */
async function settings() {
  for (;;) {
    const response = await fetch("settings").catch(() => null);
    if (response?.ok) return response.json();
    await wait(1000);
  }
}

// -- what is seen ------------------------------------------------------------------------------

function element(name, className, ...children) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children);
  return made;
}

function view(message) {
  if (views.has(message)) return views.get(message);
  const said = element("div", "said");
  const note = element("span", "");
  const actions = element("span", "");
  const footer = message.role === "user" ? [] : [element("footer", "", note, actions)];
  const article = element("article", message.role, said, ...footer);
  article.setAttribute("aria-label", message.role === "user" ? "You" : name);
  place.append(article);
  const made = { article, said, note, actions };
  views.set(message, made);
  return made;
}

function draw(message) {
  const { article, said, note, actions } = view(message);
  const follows = atBottom();
  if (message.role === "user") {
    said.textContent = message.text;
  } else {
    show(said, message.text, document);
    article.classList.toggle("going", !message.end);
    note.textContent = told(message);
    note.className = message.problem ? "bad" : "";
    article.setAttribute("aria-busy", String(!message.end));
    actions.replaceChildren(...(message.end ? buttons(message) : []));
  }
  if (follows) place.scrollTop = place.scrollHeight;
}

function atBottom() {
  return place.scrollHeight - place.scrollTop - place.clientHeight < 60;
}

function told({ end, text, tokens, seconds, problem, began }) {
  if (problem) return problem;
  if (!end) {
    const took = (Date.now() - began) / 1000;
    return text && began && took > 0.5 ? `about ${Math.round(text.length / 4 / took)} tokens/s` : "";
  }
  const parts = [];
  if (end === "stopped") parts.push("stopped");
  if (tokens) parts.push(`${tokens} tokens`);
  if (tokens && seconds) parts.push(`${Math.round(tokens / seconds)} tokens/s`);
  return parts.join(" · ");
}

function buttons(message) {
  const copy = action("Copy", async () => {
    await navigator.clipboard.writeText(message.text);
    say("Copied.");
  });
  const last = message === messages.at(-1);
  return [...(message.text ? [copy, " "] : []), ...(last ? [action("Retry", retry)] : [])];
}

function action(label, act) {
  const button = element("button", "", label);
  button.type = "button";
  button.addEventListener("click", act);
  return button;
}

function retry() {
  const gone = messages.pop();
  views.get(gone).article.remove();
  views.delete(gone);
  answer();
}

function drawAll() {
  for (const { article } of views.values()) article.remove();
  views.clear();
  for (const message of messages) draw(message);
  place.scrollTop = place.scrollHeight;
}

function busy(is) {
  find("#stop").hidden = !is;
  find("#send").hidden = is;
  // What had the focus may be gone now.
  if (document.activeElement === document.body) find("#ask").focus();
}

function say(text) {
  find("#status").textContent = text;
}

// -- asking and following ----------------------------------------------------------------------

function answer() {
  const message = { role: "assistant", text: "", key: crypto.randomUUID(), began: Date.now() };
  messages.push(message);
  save();
  say("Answering.");
  place.scrollTop = place.scrollHeight;
  follow(message);
}

/** Ask until somebody answers; with its key, that is one question however often it is asked. */
async function asked(message, { signal }) {
  for (let tries = 0; ; tries++) {
    const response = await ask(message).catch((error) => {
      if (signal.aborted || tries === 8) throw error;
    });
    if (response && (response.status !== 503 || tries === 8)) return response;
    await wait(Math.min(5000, 250 * 2 ** tries));
    signal.throwIfAborted();
  }
}

async function ask(message) {
  const { model, maxTokens } = await about;
  const before = messages.slice(0, messages.indexOf(message));
  const told = before.filter(({ text }) => text);
  return relayFetch("claude/v1/messages", {
    method: "POST",
    headers: { "content-type": "application/json", "idempotency-key": message.key },
    signal: following.leave.signal,
    body: JSON.stringify({
      model,
      max_tokens: maxTokens,
      stream: true,
      messages: told.map(({ role, text }) => ({ role, content: text })),
    }),
  });
}

/** Read an answer from its start to its end, wherever it is. */
async function follow(message) {
  following?.leave.abort();
  const mine = (following = { message, leave: new AbortController() });
  busy(true);
  draw(message);
  try {
    for (let tries = 0; !message.end && tries < 5; tries++) await once(message, mine);
    message.end ??= "broken";
    if (message.end === "broken") message.problem = "The answer broke off.";
  } catch (error) {
    if (mine.leave.signal.aborted) return;
    message.end = "failed";
    message.problem = String(error.message ?? error);
  }
  save();
  draw(message);
  say(message.problem ?? "Answered.");
  if (following === mine) {
    following = null;
    busy(false);
  }
}

/** One reading; it begins anew where what was read is no longer part of the answer. */
async function once(message, mine) {
  const { signal } = mine.leave;
  const response = message.id
    ? await relayFetch(`claude/v1/messages/${message.id}`, { signal })
    : await asked(message, mine.leave);
  if (!response.ok) throw new Error((await response.json()).error.message);
  message.id ??= response.headers.get("relay-id");
  save();
  if (message.stopping) cancel(message);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  const seen = { text: "" };
  for (let rest = ""; ;) {
    const { done, value } = await reader.read().catch((error) => {
      if (signal.aborted) throw error;
      return { done: true };
    });
    if (done) return;
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) take(message, seen, block);
    // What was shown before a reload, or before a restart of the answer, stays until it is passed.
    if (seen.text.length >= message.text.length || message.end) message.text = seen.text;
    draw(message);
  }
}

function take(message, seen, block) {
  const data = /^data: ?(.*)$/m.exec(block)?.[1];
  if (!data) return;
  const event = JSON.parse(data);
  if (event.type === "content_block_delta") seen.text += event.delta.text ?? "";
  if (event.type === "message_delta") {
    message.tokens = event.usage?.output_tokens;
    message.seconds = (Date.now() - message.began) / 1000;
  }
  if (event.type === "message_stop") message.end = "done";
  if (event.type === "error") {
    const stopped = message.stopping || event.error.message.endsWith("ended: cancelled");
    message.end = stopped ? "stopped" : "failed";
    if (!stopped) message.problem = event.error.message;
  }
}

function stop() {
  if (!following) return;
  following.message.stopping = true;
  if (following.message.id) cancel(following.message);
}

function cancel({ id }) {
  return fetch(`claude/v1/messages/${id}`, { method: "DELETE" }).catch(() => {});
}

// -- the page ----------------------------------------------------------------------------------

find("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = find("#ask").value.trim();
  if (!text || following) return;
  find("#ask").value = "";
  messages.push({ role: "user", text });
  draw(messages.at(-1));
  for (const message of messages) if (message.role !== "user") draw(message);
  say("");
  answer();
});
find("#ask").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    find("form").requestSubmit();
  }
});
find("#stop").addEventListener("click", stop);
addEventListener("keydown", ({ key }) => key === "Escape" && stop());
place.addEventListener("scroll", () => { find("#latest").hidden = atBottom(); });
find("#latest").addEventListener("click", () => { place.scrollTop = place.scrollHeight; });
find("#new").addEventListener("click", () => {
  following?.leave.abort();
  following = null;
  messages = [];
  save();
  drawAll();
  busy(false);
  find("#ask").focus();
});
// What is shown is there at once after a reload, before it is followed again.
addEventListener("pagehide", () => following && save());
// Another tab asked something, or began anew.
addEventListener("storage", (event) => {
  if (event.key !== STORE) return;
  const shape = (all) => all.map(({ role, key, text }) => key ?? role + text).join("\n");
  const now = load();
  if (shape(now) === shape(messages) && now.every((one, at) => one.id === messages[at].id)) return;
  messages = now;
  begin();
});

function begin() {
  drawAll();
  const last = messages.at(-1);
  if (last?.role === "assistant" && !last.end) follow(last);
  else busy(false);
}

begin();
find("#ask").focus();
({ name } = await about);
find("#who").textContent = name;
for (const article of document.querySelectorAll(".assistant")) article.setAttribute("aria-label", name);
