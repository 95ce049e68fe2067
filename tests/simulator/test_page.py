"""The simulator's page, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.browser import chromium, open_page
from tests.simulator.conftest import Wire, says

from tailrace.simulator import Pace, Simulator

TOKEN = "a-token-of-ours"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with chromium() as running:
        yield running


@pytest.fixture
def sim() -> Iterator[Simulator]:
    with Simulator("word " * 2000, pace=Pace(200), control_token=TOKEN) as running:
        yield running


def cell(page: Any, row: int, text: str) -> Any:
    return page.locator(f"tbody tr:nth-child({row})", has_text=text)


def test_requests_are_watched_held_and_cut(sim: Simulator, browser: Any) -> None:
    page = open_page(browser, f"{sim.url}/#{TOKEN}")
    page.get_by_text("connected").wait_for()
    assert TOKEN not in page.url, "the address can be shown to others"
    page.get_by_text("None yet.").wait_for()

    page.get_by_label("Fault").select_option("status-529")
    page.get_by_text("HTTP 529, overloaded").wait_for()
    page.get_by_role("button", name="Queue").click()
    page.get_by_text("1 queued").wait_for()
    wire = Wire(sim)
    assert wire.send(says("A secret question")).answer().status == 529
    cell(page, 1, "error").wait_for()

    wire.send(says(max_tokens=10_000)).read_until(b"text_delta")
    cell(page, 1, "streaming").wait_for()
    page.get_by_role("button", name="Hold: request 2").click()
    cell(page, 1, "held").wait_for()
    page.get_by_role("button", name="Go on: request 2").click()
    cell(page, 1, "streaming").wait_for()
    page.get_by_role("button", name="Cut the reply to request 2").click()
    cell(page, 1, "reset").wait_for()
    while wire.more():
        pass
    assert wire.ended == "reset"
    wire.close()

    assert "A secret question" not in page.content()
    page.get_by_role("button", name="Show the contents of request 1").click()
    page.get_by_role("dialog").get_by_text("A secret question").wait_for()
    assert page.get_by_role("dialog").get_by_text("[redacted]").count() == 1
    page.get_by_role("dialog").get_by_role("button", name="Close").click()
    assert page.complaints == []


def test_without_the_token_it_asks_for_it(sim: Simulator, browser: Any) -> None:
    page = open_page(browser, sim.url)
    page.get_by_text("The token is missing").wait_for()
    page.get_by_role("textbox", name="Token").fill(TOKEN)
    page.get_by_role("button", name="Open").click()
    page.get_by_text("connected").wait_for()
    page.reload()
    page.get_by_text("connected").wait_for()  # it remembers, for this tab


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_read_can_be_read(sim: Simulator, browser: Any, scheme: str) -> None:
    page = open_page(browser, f"{sim.url}/#{TOKEN}", color_scheme=scheme)
    page.get_by_text("connected").wait_for()
    assert page.evaluate(CONTRAST) == []
    unnamed = "button, input, select"
    names = page.locator(unnamed).evaluate_all(
        "all => all.filter((one) => !(one.labels?.length || one.textContent.trim()"
        " || one.getAttribute('aria-label'))).length"
    )
    assert names == 0


# Texts whose contrast with their ground is under 4.5 (WCAG 2.2, 1.4.3).
CONTRAST = """() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map((part) => {
      const value = part / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (one) => {
    for (; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (!colour.endsWith(", 0)")) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const texts = [...document.querySelectorAll("body *")].filter((one) =>
    one.offsetParent && [...one.childNodes].some((node) => node.nodeType === 3
    && node.data.trim()));
  return texts.filter((one) => {
    const [a, b] = [light(getComputedStyle(one).color), light(ground(one))].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05) < 4.5;
  }).map((one) => one.outerHTML);
}"""
