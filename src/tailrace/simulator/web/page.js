// The simulator's page: it asks for the state twice a second, and tells what its buttons are told.

const EVERY = 500; // milliseconds between two looks
const ROOT = "/_tailrace/";
const CUTS = { reset: "by a reset", close: "by closing", half_chunk: "in mid-chunk", end: "cleanly" };
const ENDS = { end: "whole", close: "cut: closed", half_chunk: "cut: half a chunk", reset: "reset" };

const find = (selector) => document.querySelector(selector);
const rows = new Map(); // request number -> its row
let token = takeToken();
let timer = 0;

function takeToken() {
  const given = location.hash.slice(1);
  if (given) {
    sessionStorage.setItem("token", given);
    history.replaceState(null, "", location.pathname);
  }
  return given || sessionStorage.getItem("token") || "";
}

async function call(path, body) {
  const response = await fetch(ROOT + path, {
    method: body ? "POST" : "GET",
    headers: { "x-tailrace-token": token, ...(body && { "content-type": "application/json" }) },
    body: body && JSON.stringify(body),
    cache: "no-store",
  });
  const answer = await response.json();
  if (!response.ok) throw Object.assign(new Error(answer.error), { status: response.status });
  return answer;
}

function say(text, lost = false) {
  const place = find("#connection");
  if (place.textContent !== text) place.textContent = text;
  place.classList.toggle("lost", lost);
}

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function set(node, text) {
  if (node.textContent !== text) node.textContent = text; // what is selected stays selected
}

// -- requests --------------------------------------------------------------------------------

function state(request) {
  if (request.held) return ["held", "live"];
  if (request.ended === null) return [request.chunks ? "streaming" : "waiting", "live"];
  const good = request.ended === "end" && request.status < 400;
  if (request.ended === "end" && !good) return ["error", "bad"];
  return [ENDS[request.ended] ?? request.ended, good ? "good" : "bad"];
}

async function act(number, what) {
  try {
    await call(`requests/${number}`, { do: what });
    await look();
  } catch (error) {
    say(error.message, true);
  }
}

function newRow(number) {
  const cells = Array.from({ length: 9 }, () => element("td"));
  for (const at of [4, 5, 6]) cells[at].className = "number";
  const hold = element("button", { type: "button" });
  hold.addEventListener("click", () => act(number, hold.dataset.what));
  const how = element("select");
  for (const [value, text] of Object.entries(CUTS)) {
    how.append(element("option", { value, textContent: text }));
  }
  how.setAttribute("aria-label", `How to cut the reply to request ${number}`);
  const cut = element("button", { type: "button", textContent: "Cut" });
  cut.setAttribute("aria-label", `Cut the reply to request ${number}`);
  cut.addEventListener("click", () => act(number, how.value));
  const show = element("button", { type: "button", textContent: "Contents" });
  show.setAttribute("aria-label", `Show the contents of request ${number}`);
  show.addEventListener("click", () => open(number));
  cells[8].append(element("div", { className: "actions" }, hold, how, cut, show));
  const row = element("tr", {}, ...cells);
  return { row, cells, hold, whileGoing: [hold, cut, how] };
}

function draw(request) {
  const { cells, hold, whileGoing } = rows.get(request.number);
  const [text, kind] = state(request);
  const streamed = request.stream ? " · stream" : "";
  const told = [
    request.number, `${request.method} ${request.path}${streamed}`, request.model, request.status,
    request.chunks, request.sent.toLocaleString("en"), request.seconds.toFixed(1), text,
  ];
  told.forEach((value, at) => set(cells[at], String(value)));
  cells[3].className = request.status < 400 ? "good" : "bad";
  cells[7].className = kind;
  for (const control of whileGoing) control.hidden = request.ended !== null;
  hold.dataset.what = request.held ? "go_on" : "hold";
  set(hold, request.held ? "Go on" : "Hold");
  hold.setAttribute("aria-label", `${hold.textContent}: request ${request.number}`);
}

function drawAll(requests) {
  const body = find("tbody");
  const known = new Set(requests.map((request) => request.number));
  for (const [number, { row }] of rows) {
    if (!known.has(number)) {
      row.remove();
      rows.delete(number);
    }
  }
  for (const request of requests) {
    if (!rows.has(request.number)) {
      rows.set(request.number, newRow(request.number));
      body.prepend(rows.get(request.number).row); // the newest first
    }
    draw(request);
  }
  find("#none").hidden = requests.length > 0;
  find("#scrolled").hidden = !requests.length;
}

async function open(number) {
  try {
    const shown = await call(`requests/${number}`);
    set(find("#contents-title"), `Request ${number}`);
    const terms = Object.entries(shown.headers).flatMap(([name, value]) => [
      element("dt", { textContent: name }), element("dd", { textContent: value }),
    ]);
    find("#contents dl").replaceChildren(...terms);
    set(find("#contents pre"), readable(shown.content) || "(no body)");
    find("#contents").showModal();
  } catch (error) {
    say(error.message, true);
  }
}

function readable(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text; // cut off, or no JSON
  }
}

// -- what comes next ---------------------------------------------------------------------------

const faults = find("#faults form");
const says = new Map();

async function listFaults() {
  for (const { name, what } of await call("faults")) {
    if (says.has(name)) continue;
    says.set(name, what);
    faults.elements.fault.append(element("option", { value: name, textContent: name }));
  }
  explain();
}

function explain() {
  set(find("#says"), says.get(faults.elements.fault.value) ?? "");
}

async function queue(path, body) {
  try {
    drawQueue((await call(path, body)).queued);
  } catch (error) {
    say(error.message, true);
  }
}

function drawQueue(queued) {
  set(faults.elements.queued, queued ? `${queued} queued` : "");
}

faults.elements.fault.addEventListener("change", explain);
faults.elements.clear.addEventListener("click", () => queue("clear", {}));
faults.addEventListener("submit", (event) => {
  event.preventDefault();
  const { fault, times } = faults.elements;
  queue("script", { fault: fault.value, times: times.valueAsNumber });
});

find("#locked form").addEventListener("submit", (event) => {
  event.preventDefault();
  token = event.target.elements.token.value.trim();
  sessionStorage.setItem("token", token);
  begin();
});

// -- looking -----------------------------------------------------------------------------------

async function look() {
  const { requests, queued } = await call("state");
  drawAll(requests);
  drawQueue(queued);
}

async function begin() {
  clearTimeout(timer);
  try {
    if (!says.size) await listFaults();
    await look();
    find("#locked").hidden = true;
    find("#faults").hidden = false;
    say("connected");
  } catch (error) {
    const locked = error.status === 403;
    find("#locked").hidden = !locked;
    find("#faults").hidden = locked;
    say(locked ? "" : "not reachable; trying again", !locked);
    if (locked) return;
  }
  timer = setTimeout(begin, EVERY);
}

set(find("#address code"), location.origin);
begin();
