import copy
import pickle

import pytest

from tailrace.core import usage
from tailrace.core.view import View

DATA = {
    "input_tokens": 1,
    "output_tokens": 2,
    "cache_creation": {"ephemeral_5m_input_tokens": 3, "ephemeral_1h_input_tokens": 4},
    "output_tokens_details": {"thinking_tokens": 5},
    "server_tool_use": {"web_search_requests": 6, "web_fetch_requests": 7},
    "fallback_credit": {"status": {"type": "redeemed"}},
    "service_tier": "brand_new",
    "carbon_grams": 0.1,
}


@pytest.mark.parametrize("cls", [usage.Usage, usage.MessageDeltaUsage])
def test_parts_are_views(cls):
    view = cls(copy.deepcopy(DATA))
    assert type(view.output_tokens_details) is usage.OutputTokensDetails
    assert type(view.server_tool_use) is usage.ServerToolUsage
    assert type(view.fallback_credit) is usage.BetaFallbackCreditUsage
    assert type(view.fallback_credit.status) is usage.BetaFallbackCreditRedeemed
    assert view.output_tokens_details.thinking_tokens == 5
    assert view.server_tool_use.web_search_requests == 6
    assert view.cache_read_input_tokens is None
    assert view.carbon_grams == 0.1
    assert view.to_dict() == DATA


def test_cache_creation_is_a_view():
    view = usage.Usage(copy.deepcopy(DATA))
    assert type(view.cache_creation) is usage.CacheCreation
    assert view.cache_creation.ephemeral_1h_input_tokens == 4
    assert view.service_tier == "brand_new"


@pytest.mark.parametrize(("kind", "cls"), usage.ITERATIONS.items())
def test_iterations_are_told_apart(kind, cls):
    view = usage.Usage(iterations=[{"type": kind, "cache_creation": {}}, {"type": "nap"}])
    assert type(view.iterations[0]) is cls
    assert type(view.iterations[0].cache_creation) is usage.CacheCreation
    assert type(view.iterations[1]) is View


def test_certainty_is_exact_unless_said():
    view = usage.Usage(copy.deepcopy(DATA))
    assert view.certainty == "exact"
    view._certainty = "lower_bound"
    assert view.to_dict() == DATA
    assert pickle.loads(pickle.dumps(view)).certainty == "lower_bound"
    assert copy.deepcopy(view).certainty == "lower_bound"
    assert view == usage.Usage(DATA)
