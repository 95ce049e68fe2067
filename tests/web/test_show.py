"""The show in a real browser: nodes and Redis are killed, and every character is compared."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from tests.browser import open_page
from tests.parts import program

from tailrace.web.show import Show
from tailrace.web.story import story

from .audit import faults

VIEWERS, CHARACTERS = 8, 800


def command(*words: str) -> list[str]:
    return [sys.executable, "-W", "error", "-m", "tailrace", "relay-show", *words]


class Served:
    """`tailrace relay-show` as a process."""

    def __init__(self) -> None:
        words = ("--port", "0", "--viewers", str(VIEWERS), "--characters", str(CHARACTERS))
        self.process = subprocess.Popen(
            command(*words, "--pace", "200"), stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        head = [self.process.stdout.readline() for _ in range(3)]
        self.said, self.url = head[0], head[2].strip()

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return self.process.wait(30)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    program("redis-server", "valkey-server")
    running = Served()
    yield running
    if running.process.poll() is None:
        running.end()


def until(page: Any, condition: Callable[[], Any], what: str, seconds: float = 60.0) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        page.wait_for_timeout(50)
    raise AssertionError(f"after {seconds:g} s: {what}: {page.locator('body').inner_text()}")


def number(page: Any, name: str) -> float:
    return float(page.locator(f"#{name}").inner_text().replace(",", "").removesuffix(" s"))


def state(page: Any) -> dict[str, Any]:
    return page.evaluate("async () => (await fetch('state')).json()")


def test_nothing_is_lost_when_everything_is_killed(served: Served, browser: Any) -> None:
    assert "8 viewers, 3 nodes and a Redis server" in served.said
    page = open_page(browser, served.url)
    until(page, lambda: number(page, "delivered") > 100, "nothing comes")
    before = {one["name"]: one["pid"] for one in state(page)["processes"]}
    for name in ("Node 1", "Redis", "Node 2", "Node 3"):  # so every producer dies, too
        page.get_by_role("button", name=f"Kill {name}").click()
    page.get_by_text("killed, back soon").first.wait_for()
    assert faults(page) == []
    until(page, lambda: number(page, "ended") == VIEWERS, "not all have ended")
    after = {one["name"]: one["pid"] for one in state(page)["processes"]}
    assert not set(before.values()) & set(after.values()), "all are other processes"
    assert number(page, "broken") >= VIEWERS
    assert number(page, "lost") == number(page, "wrong") == 0
    assert number(page, "delivered") >= VIEWERS * CHARACTERS
    assert page.locator(".pane.whole").count() == VIEWERS
    assert page.locator(".pane.torn").count() == 0
    assert faults(page) == []
    last = story(1000, CHARACTERS).rstrip()[-40:]
    assert last in page.get_by_label("Viewer 1", exact=True).inner_text()


def test_the_page_would_tell(served: Served, browser: Any) -> None:
    def altered(route: Any) -> None:
        response = route.fetch()
        found = response.json()
        first, second = found["stories"]
        first["text"] += "xyz"
        second["text"] = "?" + second["text"][1:]
        route.fulfill(response=response, body=json.dumps(found))

    page = browser.new_context().new_page()
    page.route("**/round?after=0", altered)
    page.goto(served.url)
    until(page, lambda: number(page, "ended") == VIEWERS, "not all have ended")
    assert number(page, "lost") == 3 * VIEWERS / 2
    assert number(page, "wrong") >= VIEWERS / 2
    assert "bad" in page.locator("#lost").locator("..").get_attribute("class")


def test_nothing_is_left_behind(served: Served, browser: Any) -> None:
    page = open_page(browser, served.url)
    found = until(
        page, lambda: [one["pid"] for one in state(page)["processes"] if one["pid"]], "none is up"
    )
    kills = sum(one["kills"] for one in state(page)["processes"])
    button = page.get_by_role("button", name="Kill at random")
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    until(
        page,
        lambda: sum(one["kills"] for one in state(page)["processes"]) > kills,
        "none is killed",
    )
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    found += [one["pid"] for one in state(page)["processes"] if one["pid"]]
    page.context.close()
    assert served.end() == 0
    for pid in found:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_the_controls_are_guarded(tmp_path: Path) -> None:
    origin = "http://127.0.0.1:7777"
    show = Show(origin, tmp_path)
    client = TestClient(show.app(), base_url=origin)
    own = show.url.removeprefix(origin)
    assert client.get(own).status_code == 200
    policy = client.get(own).headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'" in policy
    assert client.get(f"{own}show.css").headers["content-type"].startswith("text/css")
    for path in ("/", "/state", "/guess/state", "/guess/kill/Redis", f"{own}nothing"):
        assert client.get(path).status_code == 404
    assert client.get(f"{own}state", headers={"host": "example.com"}).status_code == 404
    assert client.get(f"{own}kill/Redis").status_code == 405
    for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "http://example.com"}):
        assert client.post(f"{own}kill/Redis", headers=headers).status_code == 403
    assert client.post(f"{own}kill/Node 1").json() == {"killed": False}
    assert client.post(f"{own}kill/Nobody").status_code == 404
    assert client.post(f"{own}round?after=x").status_code == 400


def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nodes must be at least 1, not 0"):
        Show("http://127.0.0.1:1", tmp_path, nodes=0)
    for words, why in (
        (("--port", "0", "--viewers", "0"), "viewers must be at least 1, not 0"),
        (("--port", "0", "--pace", "-1"), "pace must be above 0"),
        (("--port", "99999999"), "cannot serve on port 99999999"),
    ):
        done = subprocess.run(command(*words), capture_output=True, text=True, timeout=60)
        assert done.returncode == 1, done
        assert why in done.stderr
