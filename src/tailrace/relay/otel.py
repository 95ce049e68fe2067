"""A relay's metrics for OpenTelemetry.

    observe(relay, metrics.get_meter("my-service"))

Every metric becomes an observable instrument, so that nothing is done until a reader asks. There is
no observable histogram in OpenTelemetry; a histogram becomes two counters, its `sum` in seconds and
its `count`. Needs opentelemetry-api.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from .metrics import Family, families

if TYPE_CHECKING:
    from .relay import Relay

Callback = Callable[[CallbackOptions], Iterable[Observation]]


def observe(relay: Relay, meter: Meter) -> None:
    """Register the relay's metrics with a meter, once per relay and meter.

    Names are those of Prometheus with dots: `tailrace.relay.viewers`. A reader may collect in a
    thread of its own; it gets numbers of about one moment.
    """
    for family in families(relay):
        name = family.name.replace("tailrace_relay_", "tailrace.relay.")
        if family.kind == "gauge":
            callback = _callback(relay, family.name, "")
            meter.create_observable_gauge(name, [callback], description=family.help)
        elif family.kind == "counter":
            callback = _callback(relay, family.name, "_total")
            meter.create_observable_counter(name, [callback], description=family.help)
        else:
            for part, unit in (("_sum", "s"), ("_count", "1")):
                callback = _callback(relay, family.name, part)
                meter.create_observable_counter(
                    name + part.replace("_", "."), [callback], unit, family.help
                )


def _callback(relay: Relay, name: str, suffix: str) -> Callback:
    def collect(options: CallbackOptions) -> Iterable[Observation]:
        del options
        family = next(family for family in families(relay) if family.name == name)
        return _observations(family, suffix)

    return collect


def _observations(family: Family, suffix: str) -> list[Observation]:
    found = [sample for sample in family.samples if sample.suffix == suffix]
    return [Observation(sample.value, dict(sample.labels)) for sample in found]
