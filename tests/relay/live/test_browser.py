"""What people see in a real browser while connections and nodes break."""

from __future__ import annotations

import itertools
from functools import partial

from .bed import Bed, check, until
from .chaos import Chaos

COUNT = itertools.count(100)


def look(context, site: str, id: str, how: str, **query: object):  # noqa: A002
    page = context.new_page()
    more = "".join(f"&{name}={value}" for name, value in query.items())
    page.goto(f"{site}/pages/view.html?id={id}&how={how}{more}")
    page.wait_for_function("window.seen?.text.length > 0")
    return page


def seen(page, *, ended: bool = True):
    if ended:
        page.wait_for_function("seen.end || seen.error", timeout=40_000)
    found = page.evaluate("seen")
    assert found["error"] is None, found
    return found


def pin(context, site: str, node: str) -> None:
    context.add_cookies([{"name": "node", "value": node, "url": site}])


def test_reloads_and_tabs(bed: Bed, browse) -> None:
    number, before = next(COUNT), len(bed.asked())
    id = bed.start(f"held story {number} of 900 words at 300")  # noqa: A001
    pages = [look(browse, bed.url, id, how) for how in ("source", "fetch", "source")]
    for _ in range(3):
        assert seen(pages[0], ended=False)["end"] is None, "it must be reloaded in mid-reply"
        pages[0].reload()
        pages[0].wait_for_function("window.seen?.text.length > 0")
    bed.go(number)
    for page in pages:
        check(seen(page), number, 900)
    pages[1].reload()  # after its end, too
    check(seen(pages[1]), number, 900)
    assert bed.end_of(id) == "done"
    assert sum("asked" in line for line in bed.asked()[before:]) == 1


def test_cuts_and_silence_on_the_way(bed: Bed, browse) -> None:
    number = next(COUNT)
    id = bed.start(f"story {number} of 2400 words at 300")  # noqa: A001
    with Chaos(bed.port) as network, Chaos(bed.port) as silent:
        source = look(browse, network.url, id, "source")
        fetch = look(browse, network.url, id, "fetch")
        still = look(browse, silent.url, id, "fetch", stall=1500)
        assert silent.stall() > 0
        network.cut(8, 700)
        for page in (source, fetch, still):
            check(seen(page), number, 2400)
        assert network.cuts >= 4
        assert seen(source)["opened"] >= 2, "EventSource came back by itself"


def test_the_viewers_node_is_killed(bed: Bed, browse) -> None:
    number = next(COUNT)
    producer, viewed, _ = bed.nodes
    id = bed.start(f"held story {number} of 1500 words at 300", at=producer.url)  # noqa: A001
    pin(browse, bed.url, viewed.name)
    pages = [look(browse, bed.url, id, how) for how in ("source", "fetch")]
    assert viewed.told()["viewers"] >= 1
    assert producer.told()["running"] == 1
    viewed.kill()
    assert all(seen(page, ended=False)["end"] is None for page in pages)
    bed.go(number)
    for page in pages:
        check(seen(page), number, 1500)
    assert bed.end_of(id) == "done"


def test_a_rolling_restart(bed: Bed, browse) -> None:
    number = next(COUNT)
    first, second, producer = bed.nodes
    id = bed.start(f"held story {number} of 4500 words at 300", at=producer.url)  # noqa: A001
    pin(browse, bed.url, first.name)
    pages = [look(browse, bed.url, id, how) for how in ("source", "fetch")]
    for node in (first, second, producer):
        assert producer.told()["running"] == 1, "all must be restarted in mid-reply"
        node.restart(partial(bed.go, number) if node is producer else lambda: None)
        until(lambda: all(one.ready() for one in bed.nodes), "not all are ready")
    for page in pages:
        check(seen(page), number, 4500)
    assert bed.end_of(id) == "done"
