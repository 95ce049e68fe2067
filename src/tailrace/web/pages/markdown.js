// Markdown to elements, without ever making HTML of a text: `parse` gives a tree of plain objects,
// `build` makes elements of it. What is no Markdown is text. Only the blocks that changed are made
// anew while a text grows, so a long answer costs what its last block costs.

const SAFE = /^(https?:|mailto:)/i;
const DEEPEST = 16; // quotes and lists in each other

/** The blocks of a text: [{ tag, source, … }]; `source` is what each was made of. */
export function parse(text, depth = 0) {
  if (depth > DEEPEST) return [{ tag: "p", children: [text], source: text }];
  const lines = text.split("\n");
  const blocks = [];
  for (let at = 0; at < lines.length;) {
    if (!lines[at].trim()) { at++; continue; }
    const [block, next] = take(lines, at, depth);
    blocks.push({ ...block, source: lines.slice(at, next).join("\n") });
    at = next;
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
    const found = ITEM.exec(lines[next]);
    if (!found || found[1].length !== indent || /\d/.test(found[2]) !== ordered) break;
    const inside = indent + found[2].length + 1;
    const end = until(lines, next + 1, (one) => belongs(one, indent));
    const inner = [found[3], ...lines.slice(next + 1, end).map((one) => dedent(one, inside))];
    const children = parse(inner.join("\n"), depth + 1);
    // An item of one paragraph is that paragraph's text.
    const [first, ...rest] = children;
    items.push({ tag: "li", children: first?.tag === "p" ? [...first.children, ...rest] : children });
    next = end;
  }
  const start = ordered && parseInt(mark, 10) !== 1 ? { start: parseInt(mark, 10) } : {};
  return [{ tag: ordered ? "ol" : "ul", ...start, children: items }, next];
}

/** Whether a line is part of the item before it: deeper, or its paragraph going on. */
function belongs(line, indent) {
  if (!line.trim()) return false;
  return line.length - line.trimStart().length > indent || !begins(line);
}

function dedent(line, most) {
  return line.slice(Math.min(most, line.length - line.trimStart().length));
}

function table(lines, at) {
  const end = until(lines, at + 2, (one) => ROW.test(one));
  const cells = (line) => line.trim().slice(1, -1).split("|").map((one) => inline(one.trim()));
  const row = (line, tag) => ({
    tag: "tr", children: cells(line).map((children) => ({ tag, children })),
  });
  const head = { tag: "thead", children: [row(lines[at], "th")] };
  const body = { tag: "tbody", children: lines.slice(at + 2, end).map((one) => row(one, "td")) };
  return [{ tag: "table", children: [head, body] }, end];
}

// One alternative each: code, strong, emphasis, link, bare address, line break.
const INLINE = new RegExp([
  "(`+)([^`]|[^`].*?[^`])\\1(?!`)",
  "(\\*\\*|__)(?=\\S)(.+?)(?<=\\S)\\3",
  "([*_])(?=\\S)(.+?)(?<=\\S)\\5(?![A-Za-z0-9])",
  "\\[([^\\]\\n]*)\\]\\(\\s*(\\S+?)\\s*\\)",
  "(https?://[^\\s<>\"')\\]]+[^\\s<>\"')\\].,;:!?])",
  "( {2,}\\n)",
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
  const [, ticks, coded, strong, bold, mark, stressed, label, target, address] = found;
  if (ticks) return { tag: "code", children: [coded] };
  if (strong) return { tag: "strong", children: inline(bold) };
  if (mark) {
    const before = text[found.index - 1] ?? " ";
    return /[A-Za-z0-9]/.test(before) && mark === "_" ? null : { tag: "em", children: inline(stressed) };
  }
  if (target !== undefined) return SAFE.test(target) ? link(target, inline(label)) : null;
  if (address) return link(address, [address]);
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
  made.append(...node.children.map((child) => build(child, document)));
  return made;
}

/** Make `place` show a text; the blocks that are as before stay as they are. */
export function show(place, text, document) {
  const blocks = parse(text);
  const old = place.sources ?? [];
  let same = 0;
  while (same < blocks.length && same < old.length && blocks[same].source === old[same]) same++;
  while (place.childNodes.length > same) place.lastChild.remove();
  place.append(...blocks.slice(same).map((block) => build(block, document)));
  place.sources = blocks.map((block) => block.source);
}
