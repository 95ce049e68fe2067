"""The chat page in a real browser: reloads, tabs, stops, and a server that is killed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from tests.browser import open_page

from tailrace.relay import Relay
from tailrace.simulator import Ask, Simulator, Stall, Text
from tailrace.web import chat_app
from tailrace.web.chat import COOKIE

from .chatting import POEM, Site, answers, ask


def test_a_reload_and_a_second_tab_in_mid_answer(site: Site, browser: Any) -> None:
    page = open_page(browser, site.url)
    ask(page)
    before = answers(page).inner_text()
    page.reload()
    page.get_by_text("I knock on a door").wait_for()
    assert before in answers(page).inner_text(), "what was shown is shown at once"
    other = page.context.new_page()
    other.goto(site.url)
    for one in (page, other):
        one.get_by_text(POEM).wait_for()
        one.get_by_text(re.compile(r"\d+ tokens · \d+ tokens/s")).wait_for()
    assert answers(page).inner_text() == answers(other).inner_text()
    other.get_by_role("button", name="New chat").click()
    page.get_by_text("I knock on a door").wait_for(state="detached")
    assert page.complaints == []


def test_stop_and_retry(site: Site, browser: Any) -> None:
    page = open_page(browser, site.url)
    ask(page)
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("stopped").wait_for()
    assert POEM not in answers(page).inner_text()
    page.get_by_role("button", name="Send").wait_for()
    page.get_by_role("button", name="Retry").click()
    page.get_by_text(POEM).wait_for()
    assert answers(page).count() == 1


def test_a_stop_before_the_first_word(site: Site, browser: Any) -> None:
    page = open_page(browser, site.url)
    page.get_by_role("textbox", name="Your message").fill("Stop at once.")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.get_by_text("stopped").wait_for()
    assert POEM not in answers(page).inner_text()
    assert page.evaluate("document.activeElement.id") == "ask"


def test_a_question_before_it_is_known_who_answers(site: Site, browser: Any) -> None:
    held: list[Any] = []
    page = browser.new_context().new_page()
    page.route("**/settings", lambda route: held.append(route))
    page.goto(site.url)
    page.get_by_role("textbox", name="Your message").fill("A poem, please.")
    page.keyboard.press("Enter")
    page.get_by_text("A poem, please.").wait_for()
    assert answers(page).inner_text() == ""
    held[0].continue_()
    page.get_by_text(POEM).wait_for()
    who = page.locator("#who").inner_text()
    assert who
    assert page.locator("article.assistant").get_attribute("aria-label") == who


def test_a_question_that_nobody_takes_at_first(site: Site, browser: Any) -> None:
    page = open_page(browser, site.url)
    keys: list[str] = []

    def break_twice(route: Any) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.abort()
        elif len(keys) == 2:
            route.fulfill(status=503)
        else:
            route.continue_()

    page.route("**/claude/v1/messages", break_twice)
    ask(page)
    page.get_by_text(POEM).wait_for()
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert answers(page).count() == 1
    assert page.locator(".bad").count() == 0


def test_nothing_is_seen_of_a_server_that_is_killed(site: Site, browser: Any) -> None:
    page = open_page(browser, site.url)
    ask(page)
    shown = answers(page).inner_text()
    site.end(signal.SIGKILL)
    assert shown in answers(page).inner_text()
    site.start()
    page.get_by_text(POEM).wait_for(timeout=60_000)
    text = answers(page).inner_text()
    assert text.startswith(shown[:40])
    assert text.count("I knock on a door") == 1
    page.get_by_role("button", name="Retry").wait_for()
    assert page.locator("footer .bad").count() == 0


def test_claude_goes_on_after_a_kill(browser: Any, tmp_path: Path) -> None:
    def told(asked: Ask) -> Any:
        begins = len(asked.messages) == 1
        return [Text("Once upon a time"), Stall()] if begins else " there was a river."

    with Simulator(told) as claude:
        site = Site(tmp_path, live=claude.url)
        site.start()
        try:
            page = open_page(browser, site.url)
            page.get_by_role("textbox", name="Your message").fill("A story, please.")
            page.keyboard.press("Enter")
            page.get_by_text("Once upon a time").wait_for()
            site.end(signal.SIGKILL)
            site.start()
            page.get_by_text("Once upon a time there was a river.").wait_for(timeout=60_000)
            page.get_by_role("button", name="Retry").wait_for()
            assert page.locator(".bad").count() == 0
            assert len(claude.requests) == 2
        finally:
            site.end(signal.SIGKILL)


def test_two_people_see_nothing_of_each_other(site: Site, browser: Any) -> None:
    page, stranger = open_page(browser, site.url), open_page(browser, site.url)
    ask(page)
    saved = page.evaluate("JSON.parse(localStorage.getItem('tailrace chat'))")
    url = f"/claude/v1/messages/{saved[-1]['id']}"
    assert stranger.evaluate("async (url) => (await fetch(url)).status", url) == 404
    assert page.evaluate("document.cookie") == ""


def test_it_may_be_mounted_anywhere(tmp_path: Path) -> None:
    talk = chat_app(Relay(tmp_path / "r.db"), model="claude-x")
    with TestClient(
        Starlette(routes=[Mount("/talk", talk)], lifespan=talk.router.lifespan_context)
    ) as client:
        page = client.get("/talk/")
        names = re.findall(r'(?:href|src)="([^"]+)"', page.text)
        assert sorted(names) == ["chat.css", "chat.js", "theme.css"]
        script = client.get("/talk/chat.js").text
        names += [one.removeprefix("./") for one in re.findall(r'from "([^"]+)"', script)]
        assert len(names) == 5
        for name in (*names, "settings"):
            assert client.get(f"/talk/{name}").status_code == 200, name
        assert not re.search(r'[("`]/(?!/)', script), "addresses are relative"


def test_it_ends_well_when_told_to(tmp_path: Path) -> None:
    site = Site(tmp_path)
    site.start()
    assert site.end(signal.SIGTERM) in (0, -signal.SIGTERM)


def test_the_application_of_ones_own(tmp_path: Path) -> None:
    async def source(params: Any, so_far: Any) -> Any:
        raise AssertionError("nobody asks")
        yield

    app = chat_app(Relay(tmp_path / "r.db", source=source), model="claude-x", max_tokens=9)
    with TestClient(app) as client:
        assert client.post("/claude/v1/messages", json={}).status_code == 401
        page = client.get("/")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "httponly" in page.headers["set-cookie"].lower()
        assert client.get("/settings").json() == {
            "model": "claude-x",
            "maxTokens": 9,
            "name": "claude-x",
        }
        asked = {"model": "claude-y", "max_tokens": 9, "messages": []}
        assert client.post("/claude/v1/messages", json=asked).status_code == 400
        client.cookies.clear()
        guess = {"cookie": f"{COOKIE}=a guess"}
        assert client.post("/claude/v1/messages", json=asked, headers=guess).status_code == 401
    with pytest.raises(ValueError, match="max_tokens"):
        chat_app(Relay("memory:", source=source), model="m", max_tokens=0)


def test_the_command_says_what_is_missing() -> None:
    without = {name: value for name, value in os.environ.items() if name != "ANTHROPIC_API_KEY"}
    done = subprocess.run(
        [sys.executable, "-m", "tailrace", "chat-web", "--live"],
        env=without,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr == ("tailrace chat-web: --live needs ANTHROPIC_API_KEY in the environment\n")
