// Many viewers of a few replies, each an EventSource of its own; every character they get is compared
// with what the reply must be. Nothing here heals a connection: the browser comes back by itself, with
// the id of the last event it has, and the relay gives it exactly the rest.

const find = (selector) => document.querySelector(selector);
const token = location.pathname.split("/")[1];
const numbers = new Intl.NumberFormat("en");
const tally = { lost: 0, wrong: 0, delivered: 0, broken: 0, pause: 0, ended: 0 };
const PAUSE_BETWEEN = 2500; // between two rounds, in ms
const BETWEEN_KILLS = 3000;

function element(name, className, ...children) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children);
  return made;
}

// -- a viewer ----------------------------------------------------------------------------------

class Pane {
  constructor(number) {
    this.number = number;
    this.said = element("span", "");
    this.progress = element("progress", "");
    this.progress.setAttribute("aria-label", "Read so far");
    this.count = element("span", "");
    this.state = element("span", "");
    const footer = element("footer", "", this.count, this.state);
    this.article = element("article", "pane", element("p", "", this.said), this.progress, footer);
    this.article.setAttribute("aria-label", `Viewer ${number + 1}`);
    find("#panes").append(this.article);
  }

  /** Follow a story to its end. */
  follow(story, index, door) {
    Object.assign(this, { story, text: "", over: false, heard: performance.now() });
    this.article.className = `pane story${index % 4}`;
    this.progress.max = story.text.length;
    this.say("");
    this.draw();
    return new Promise((done) => {
      const url = `http://127.0.0.1:${door}/claude/v1/messages/${story.id}?format=text&token=${token}`;
      const source = new EventSource(url);
      const end = () => {
        source.close();
        this.end().then(done);
      };
      source.onmessage = ({ data }) => this.take(JSON.parse(data));
      source.addEventListener("reset", () => this.take("", true));
      source.addEventListener("end", end);
      source.onopen = () => this.say("");
      source.onerror = () => {
        if (this.over) return;
        tally.broken++;
        this.say("coming back");
        if (source.readyState === EventSource.CLOSED) end();
      };
    });
  }

  take(piece, reset = false) {
    const now = performance.now();
    tally.pause = Math.max(tally.pause, now - this.heard);
    this.heard = now;
    if (reset) this.text = "";
    const at = this.text.length;
    if (!this.story.text.startsWith(piece, at)) tally.wrong += piece.length;
    this.text += piece;
    tally.delivered += piece.length;
    changed.add(this);
  }

  async end() {
    this.over = true;
    const { text, story } = this;
    const lost = Math.max(0, story.text.length - text.length);
    const hash = await digest(text);
    const whole = hash === story.sha256;
    tally.lost += lost;
    tally.wrong += Math.max(0, text.length - story.text.length);
    tally.ended++;
    this.article.classList.add(whole ? "whole" : "torn");
    this.say(whole ? `✓ ${hash.slice(0, 8)}` : `✗ ${numbers.format(lost)} lost`);
    changed.add(this);
  }

  say(text) {
    this.state.textContent = text;
  }

  draw() {
    this.said.textContent = this.text.slice(-260);
    this.progress.value = this.text.length;
    this.count.textContent = `${numbers.format(this.text.length)} / ${numbers.format(this.story.text.length)}`;
  }
}

async function digest(text) {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(bytes), (one) => one.toString(16).padStart(2, "0")).join("");
}

// What has changed is drawn once a frame, however much came.
const changed = new Set();
function frame() {
  for (const pane of changed) pane.draw();
  if (changed.size) drawTally();
  changed.clear();
  requestAnimationFrame(frame);
}

function drawTally() {
  for (const name of ["lost", "wrong", "delivered", "broken", "ended"]) {
    find(`#${name}`).textContent = numbers.format(tally[name]);
  }
  for (const name of ["lost", "wrong"]) {
    find(`#${name}`).parentElement.classList.toggle("bad", tally[name] > 0);
  }
  find("#pause").textContent = `${(tally.pause / 1000).toFixed(1)} s`;
}

// -- the processes -----------------------------------------------------------------------------

const cards = new Map(); // name -> its elements

function card(name) {
  const note = element("span", "");
  const button = element("button", "", "Kill");
  button.type = "button";
  button.setAttribute("aria-label", `Kill ${name}`);
  button.addEventListener("click", () => kill(name));
  const article = element("div", "process", element("div", "", element("strong", "", name), note), button);
  find("#processes").append(article);
  const made = { article, note, button, up: true };
  cards.set(name, made);
  return made;
}

async function kill(name) {
  cards.get(name).button.disabled = true;
  await fetch(`kill/${encodeURIComponent(name)}`, { method: "POST" });
  await look();
}

function killAny() {
  const up = [...cards].filter(([, { button }]) => !button.disabled);
  if (up.length) kill(up[Math.floor(Math.random() * up.length)][0]);
}

let killing = 0;
find("#random").addEventListener("click", ({ currentTarget }) => {
  clearInterval(killing);
  const begins = currentTarget.getAttribute("aria-pressed") !== "true";
  currentTarget.setAttribute("aria-pressed", String(begins));
  if (!begins) return;
  killing = setInterval(killAny, BETWEEN_KILLS);
  killAny();
});

function drawProcess({ name, pid, kills, connections }) {
  const { article, note, button, up } = cards.get(name) ?? card(name);
  const parts = pid ? [`pid ${pid}`] : ["killed, back soon"];
  if (pid && name !== "Redis") parts.push(`${connections} open`);
  if (kills) parts.push(`killed ${kills}×`);
  note.textContent = parts.join(" · ");
  article.classList.toggle("down", !pid);
  button.disabled = !pid;
  if (up !== Boolean(pid)) find("#status").textContent = `${name} ${pid ? "is back" : "was killed"}.`;
  cards.get(name).up = Boolean(pid);
}

async function look() {
  const state = await (await fetch("state")).json();
  state.processes.forEach(drawProcess);
  return state;
}

// -- the rounds --------------------------------------------------------------------------------

const wait = (ms) => new Promise((go) => setTimeout(go, ms));

async function play() {
  const { viewers, doors } = await look();
  setInterval(() => look().catch(() => {}), 500);
  const panes = Array.from({ length: viewers }, (_, number) => new Pane(number));
  for (let after = 0; ;) {
    const response = await fetch(`round?after=${after}`, { method: "POST" }).catch(() => null);
    if (!response?.ok) {
      await wait(1000);
      continue;
    }
    const { number, stories } = await response.json();
    after = number;
    await Promise.all(panes.map((pane, at) =>
      pane.follow(stories[at % stories.length], at % stories.length, doors[at % doors.length])));
    await wait(PAUSE_BETWEEN);
  }
}

requestAnimationFrame(frame);
play();
