// Markdown to elements, without ever making HTML of a text: `parse` gives a tree of plain objects,
// `build` makes elements of it. What is no Markdown is text. While a text grows, only its last blocks
// are read again, and what has not changed in them stays the element it was: a long answer costs no
// more than a short one for each token, and a selection in it lasts.

const SAFE = /^(https?:|mailto:)/i;
const DEEPEST = 16; // quotes and lists in each other

/** The blocks of a text: [{ tag, children, end, … }]; `end` is the place in the text after each. */
export function parse(text, depth = 0) {
  if (depth > DEEPEST) return [{ tag: "p", children: [text], end: text.length }];
  const lines = text.split("\n");
  const blocks = [];
  for (let at = 0, place = 0; at < lines.length;) {
    if (!lines[at].trim()) {
      place += lines[at++].length + 1;
      continue;
    }
    const [block, next] = take(lines, at, depth);
    while (at < next) place += lines[at++].length + 1;
    blocks.push({ ...block, end: place });
  }
  return blocks;
}

const FENCE = /^ {0,3}(`{3,}|~{3,})\s*([^`]*)$/;
const HEADING = /^ {0,3}(#{1,6})\s+(.*?)\s*#*\s*$/;
const RULE = /^ {0,3}([-*_])(\s*\1){2,}\s*$/;
const QUOTE = /^ {0,3}>\s?/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])\s+(.*)$/;
const ROW = /^\s*\|.*\|\s*$/;
const DIVIDER = /^\s*\|(\s*:?-+:?\s*\|)+\s*$/;

/** One block that begins at a line, and the line after it. */
function take(lines, at, depth) {
  const line = lines[at];
  const fence = FENCE.exec(line);
  if (fence) return code(lines, at, fence);
  const heading = HEADING.exec(line);
  if (heading) return [{ tag: `h${heading[1].length}`, children: inline(heading[2]) }, at + 1];
  if (RULE.test(line)) return [{ tag: "hr", children: [] }, at + 1];
  if (QUOTE.test(line)) {
    const end = until(lines, at, (one) => QUOTE.test(one));
    const inner = lines.slice(at, end).map((one) => one.replace(QUOTE, ""));
    return [{ tag: "blockquote", children: parse(inner.join("\n"), depth + 1) }, end];
  }
  if (ITEM.test(line)) return list(lines, at, depth);
  if (ROW.test(line) && DIVIDER.test(lines[at + 1] ?? "")) return table(lines, at);
  const end = until(lines, at + 1, (one) => one.trim() && !begins(one));
  return [{ tag: "p", children: inline(lines.slice(at, end).join("\n").trim()) }, end];
}

function begins(line) {
  return [FENCE, HEADING, RULE, QUOTE, ITEM].some((one) => one.test(line));
}

function until(lines, at, goesOn) {
  while (at < lines.length && goesOn(lines[at])) at++;
  return at;
}

function code(lines, at, [, marks, language]) {
  const closes = new RegExp(`^ {0,3}${marks[0]}{${marks.length},}\\s*$`);
  const end = until(lines, at + 1, (one) => !closes.test(one));
  const inner = lines.slice(at + 1, end).join("\n");
  const child = { tag: "code", language: language.trim().split(/\s/)[0], children: [inner] };
  return [{ tag: "pre", children: [child] }, Math.min(end + 1, lines.length)];
}

function list(lines, at, depth) {
  const [, { length: indent }, mark] = ITEM.exec(lines[at]);
  const ordered = /\d/.test(mark);
  const items = [];
  let next = at;
  while (next < lines.length) {
    const first = nextFull(lines, next);
    const found = ITEM.exec(lines[first] ?? "");
    if (!found || found[1].length !== indent || /\d/.test(found[2]) !== ordered) break;
    const inside = indent + found[2].length + 1;
    const end = endOfItem(lines, first + 1, indent, inside);
    const inner = [found[3], ...lines.slice(first + 1, end).map((one) => dedent(one, inside))];
    const children = parse(inner.join("\n"), depth + 1);
    // An item of one paragraph is that paragraph's text.
    const [head, ...rest] = children;
    items.push({ tag: "li", children: head?.tag === "p" ? [...head.children, ...rest] : children });
    next = end;
  }
  const start = ordered && parseInt(mark, 10) !== 1 ? { start: parseInt(mark, 10) } : {};
  return [{ tag: ordered ? "ol" : "ul", ...start, children: items }, next];
}

/** The line after an item: its lines are deeper, or its paragraph going on; after a gap, as deep. */
function endOfItem(lines, at, indent, inside) {
  while (at < lines.length) {
    const next = nextFull(lines, at);
    if (next === lines.length) return at;
    const deep = lines[next].length - lines[next].trimStart().length;
    if (next > at ? deep < inside : deep <= indent && begins(lines[next])) return at;
    at = next + 1;
  }
  return at;
}

/** The first line from here on that is not empty. */
function nextFull(lines, at) {
  return until(lines, at, (one) => !one.trim());
}

function dedent(line, most) {
  return line.slice(Math.min(most, line.length - line.trimStart().length));
}

function table(lines, at) {
  const end = until(lines, at + 2, (one) => ROW.test(one));
  const cells = (line) => line.trim().slice(1, -1).split(/(?<!\\)\|/).map((one) => inline(one.trim()));
  const row = (line, tag) => ({
    tag: "tr", children: cells(line).map((children) => ({ tag, children })),
  });
  const head = { tag: "thead", children: [row(lines[at], "th")] };
  const body = { tag: "tbody", children: lines.slice(at + 2, end).map((one) => row(one, "td")) };
  return [{ tag: "table", children: [head, body] }, end];
}

// One alternative each: code, strong, emphasis, link, bare address, line break, escaped mark.
const INLINE = new RegExp([
  "(`+)([^`]|[^`].*?[^`])\\1(?!`)",
  "(\\*\\*|__)(?=\\S)(.+?)(?<=\\S)\\3",
  "([*_])(?=\\S)(.+?)(?<=\\S)\\5(?![A-Za-z0-9])",
  "\\[([^\\]\\n]*)\\]\\(\\s*(\\S+?)\\s*\\)",
  "(https?://[^\\s<>\"')\\]]+[^\\s<>\"')\\].,;:!?])",
  "( {2,}\\n)",
  "\\\\([!-/:-@[-`{-~])",
].join("|"), "gs");

/** The parts of a text: strings and { tag, children }. */
export function inline(text) {
  const parts = [];
  let last = 0;
  for (const found of text.matchAll(INLINE)) {
    const made = part(found, text);
    if (!made) continue;
    if (found.index > last) parts.push(text.slice(last, found.index));
    parts.push(made);
    last = found.index + found[0].length;
  }
  if (last < text.length) parts.push(text.slice(last));
  return parts;
}

function part(found, text) {
  const [, ticks, coded, strong, bold, mark, stressed, label, target, address, , escaped] = found;
  if (ticks) return { tag: "code", children: [coded] };
  if (strong) return { tag: "strong", children: inline(bold) };
  if (mark) {
    const before = text[found.index - 1] ?? " ";
    return /[A-Za-z0-9]/.test(before) && mark === "_" ? null : { tag: "em", children: inline(stressed) };
  }
  if (target !== undefined) return SAFE.test(target) ? link(target, inline(label)) : null;
  if (address) return link(address, [address]);
  if (escaped) return escaped;
  return { tag: "br", children: [] };
}

function link(href, children) {
  return { tag: "a", href, children };
}

/** An element of a node, or a text. */
export function build(node, document) {
  if (typeof node === "string") return document.createTextNode(node);
  const made = document.createElement(node.tag);
  if (node.href) Object.assign(made, { href: node.href, rel: "noopener noreferrer", target: "_blank" });
  if (node.language) made.dataset.language = node.language;
  if (node.start) made.start = node.start;
  if (node.tag === "pre") made.tabIndex = 0; // it scrolls, so it must be reached by keyboard
  made.kind = kind(node);
  made.append(...node.children.map((child) => build(child, document)));
  return made;
}

function kind({ tag, href, language, start }) {
  return [tag, href, language, start].join(" ");
}

/**
 * Make `place` show a text. A block with two others after it can change no more, whatever comes: the
 * line that ended it is complete.
 */
export function show(place, text, document) {
  const old = place.shown ?? { text: "", blocks: [] };
  const kept = text.startsWith(old.text) ? old.blocks.slice(0, -2) : [];
  const from = kept.at(-1)?.end ?? 0;
  const read = parse(text.slice(from)).map((block) => ({ ...block, end: block.end + from }));
  become(place, read, document, kept.length);
  place.shown = { text, blocks: [...kept, ...read] };
}

/** Make an element's children, from the one at `first` on, what these nodes say. */
function become(element, nodes, document, first = 0) {
  while (element.childNodes.length > first + nodes.length) element.lastChild.remove();
  nodes.forEach((node, at) => {
    const child = element.childNodes[first + at];
    if (!child) element.append(build(node, document));
    else if (typeof node === "string" && child.nodeType === 3) grow(child, node);
    else if (child.kind && child.kind === kind(node)) become(child, node.children, document);
    else child.replaceWith(build(node, document));
  });
}

function grow(text, now) {
  if (now === text.data) return;
  if (now.startsWith(text.data)) text.appendData(now.slice(text.data.length));
  else text.data = now;
}
