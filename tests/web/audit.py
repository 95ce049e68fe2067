"""What a page owes to people who do not see it, or do not point: found faults, as sentences.

The rules are WCAG 2.2's: 1.3.1 and 4.1.2 (names and roles), 1.4.3 (contrast 4.5 to 1), 2.5.8
(targets of 24 pixels), 3.1.1 (language), and headings that skip no level.
"""

from __future__ import annotations

from typing import Any

FAULTS = """
() => {
  const faults = [];
  const shown = (one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const all = (selector) => [...document.querySelectorAll(selector)].filter(shown);
  const brief = (one) => one.outerHTML.slice(0, 90);
  const named = (one) => one.getAttribute("aria-label")?.trim() || one.textContent.trim()
    || [...(one.labels ?? [])].some((label) => label.textContent.trim());

  if (!document.documentElement.lang) faults.push("no language");
  if (!document.title) faults.push("no title");
  if (all("main").length !== 1) faults.push("not exactly one main");
  if (all("h1").filter((one) => !one.closest("article")).length !== 1) faults.push("not one h1");
  const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
  if (new Set(ids).size !== ids.length) faults.push("an id that is there twice");
  for (const one of all("button, a, input, textarea, select, progress, section, main, article")) {
    if (!named(one)) faults.push(`no name: ${brief(one)}`);
  }
  for (const one of all("textarea, input, select")) {
    const labelled = one.labels?.length || one.getAttribute("aria-label");
    if (!labelled) faults.push(`no label: ${brief(one)}`);
  }
  for (const one of all("button, textarea, input")) {
    const { width, height } = one.getBoundingClientRect();
    if (Math.min(width, height) < 24) faults.push(`small target: ${brief(one)}`);
  }
  for (const one of document.querySelectorAll("[tabindex]")) {
    if (one.tabIndex > 0) faults.push(`tab order by number: ${brief(one)}`);
  }
  for (const one of all("*")) {
    const scrolls = one.scrollWidth > one.clientWidth + 1
      && /auto|scroll/.test(getComputedStyle(one).overflowX);
    if (scrolls && one.tabIndex < 0) faults.push(`scrolls, but not by keyboard: ${brief(one)}`);
  }
  if (document.documentElement.scrollWidth > innerWidth) faults.push("wider than the window");

  const color = (text) => (text.match(/[\\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
  const over = ([r, g, b, a = 1], under) => [r, g, b].map((c, at) => c * a + under[at] * (1 - a));
  const behind = (one) => {
    const layers = [];
    for (let at = one; at; at = at.parentElement) {
      layers.push(color(getComputedStyle(at).backgroundColor));
    }
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255]);
  };
  const light = (rgb) => {
    const linear = (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const [r, g, b] = rgb.map((c) => linear(c / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  for (const one of all("body *")) {
    const own = [...one.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
    if (!own || one.closest(".unseen") || one.disabled) continue;
    const under = behind(one);
    const [a, b] = [light(over(color(getComputedStyle(one).color), under)), light(under)];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) faults.push(`contrast ${contrast.toFixed(2)}: ${brief(one)}`);
  }
  return faults;
}
"""


def faults(page: Any) -> list[str]:
    """What is wrong with a page as it is now, in both colour schemes and on a phone."""
    found: list[str] = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        found += [f"{scheme}: {fault}" for fault in page.evaluate(FAULTS)]
    size = page.viewport_size
    page.set_viewport_size({"width": 360, "height": 720})
    found += [f"phone: {fault}" for fault in page.evaluate(FAULTS)]
    page.set_viewport_size(size)
    return found
