"""The chat page: what a model says does nothing, and the page is for everybody."""

from __future__ import annotations

import json
from typing import Any

from tests.browser import open_page

from .audit import faults
from .chatting import POEM, Site, answers, ask

MALICIOUS = """
<script>window.hacked = 1</script> <img src=x onerror="window.hacked = 2">

<a href="javascript:window.hacked = 3">a</a> [b](javascript:window.hacked=4)
[c]( JaVaScRiPt:window.hacked=5)
[d](data:text/html,<script>window.hacked=6</script>) [e](vbscript:x) [f](//example.com/x)
[g](https://example.com/"onmouseover="window.hacked=7) ![h](https://example.com/leak?secret)
[i](mailto:a@example.com) <https://example.com/j>

```html" onclick="window.hacked = 8
</code></pre><svg onload="window.hacked = 9">
```

| <iframe srcdoc="<script>parent.hacked=10</script>"> | k |
|---|---|
| <style>body{display:none}</style> | </td><script>hacked=11</script> |

The end.
"""


def told(text: str) -> str:
    """An answer of the relay that says a text."""
    delta = {"type": "text_delta", "text": text}
    events = (
        {"type": "message_start", "message": {"id": "msg", "content": []}},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}},
        {"type": "message_stop"},
    )
    return "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events) + "id: end\n\n"


def test_what_a_model_says_does_nothing(site: Site, browser: Any) -> None:
    page = open_page(browser, site.url)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    headers = {"content-type": "text/event-stream", "relay-id": "none"}
    page.route(
        "**/claude/v1/messages",
        lambda route: route.fulfill(status=200, headers=headers, body=told(MALICIOUS)),
    )
    page.get_by_role("textbox", name="Your message").fill("<b>Hi</b>")
    page.keyboard.press("Enter")
    page.get_by_text("The end.").wait_for()
    inside = answers(page)
    assert inside.locator("script, img, iframe, style, svg, b").count() == 0
    assert inside.locator("[onclick], [onerror], [onmouseover], [onload], [style]").count() == 0
    assert "<script>window.hacked = 1</script>" in answers(page).inner_text()
    links = inside.locator("a").evaluate_all("all => all.map((a) => [a.protocol, a.rel])")
    assert links
    for protocol, rel in links:
        assert protocol in ("https:", "http:", "mailto:")
        assert "noopener" in rel
    for handle in inside.locator("a, pre, td, p").all():
        handle.hover()
    assert page.evaluate("window.hacked") is None
    assert faults(page) == []
    assert [url for url in asked if not url.startswith(site.url)] == []
    assert page.complaints == []


def test_the_audit_finds_faults(site: Site, browser: Any) -> None:
    page = open_page(browser, site.url)
    page.evaluate(
        """() => {
          document.querySelector("header").append(document.createElement("button"))
          document.querySelector("#welcome h2").style.color = "#999"
          document.querySelector("label").remove()
          document.querySelector("form").style.width = "500px"
        }"""
    )
    found = " ".join(faults(page))
    for fault in ("light: no name: <button", "light: contrast 2", "no label", "phone: wider than"):
        assert fault in found


def test_it_is_for_everybody(site: Site, browser: Any) -> None:
    page = open_page(browser, site.url, reduced_motion="reduce")
    assert faults(page) == []
    page.evaluate(
        """() => {
          window.announced = []
          const status = document.querySelector("[role=status]")
          new MutationObserver(() => announced.push(status.textContent))
            .observe(status, { childList: true, characterData: true, subtree: true })
        }"""
    )
    ask(page)
    assert page.locator("article.assistant").get_attribute("aria-busy") == "true"
    assert page.evaluate("document.getAnimations().length") == 0
    assert faults(page) == []
    page.get_by_text(POEM).wait_for()
    page.get_by_role("button", name="Retry").wait_for()
    assert page.locator("article.assistant").get_attribute("aria-busy") == "false"
    assert [text for text in page.evaluate("announced") if text] == ["Answering.", "Answered."]
    assert page.locator("[aria-live], [role=log], [role=alert]").count() == 0
    assert faults(page) == []
    assert page.evaluate("document.activeElement.id") == "ask"
    reached = []
    for _ in range(5):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.textContent.trim().slice(0, 8)"))
    assert "Send" in reached
    page.get_by_role("button", name="Retry").focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("stopped").wait_for()
    assert page.evaluate("document.activeElement.id") == "ask", "Stop is gone, and the focus not"
