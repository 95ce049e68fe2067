"""The names that may stand in `anthropic-beta`.

The API refuses a name it does not know. So does the simulator, from the list below (the official
SDKs', and what clients in use send), but for names dated later than the list: those are taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

LISTED_UNTIL = "2026-10-21"
"""The date of the list; a beta that is dated later may well exist."""

_DATED = re.compile(r"[a-z][a-z0-9-]*-(\d{4}-\d{2}-\d{2})\Z")

_NAMES = """
    adaptive-thinking-2026-01-28 admin-user-sign-out-2026-10-08 advanced-tool-use-2025-11-20
    advisor-tool-2026-03-01 afk-mode-2026-01-31 agent-memory-2026-07-22
    analytics-usage-cost-2026-08-24 cache-diagnosis-2026-04-07
    ce-claude-code-managed-settings-2026-10-06 ce-plugins-2026-09-01
    ce-user-management-2026-07-13 claude-code-20250219 code-execution-2025-05-22
    code-execution-2025-08-25 code-execution-2025-08-26 compact-2026-01-12 compact-2026-09-04
    computer-use-2024-10-22 computer-use-2025-01-24 computer-use-2025-11-24
    context-1m-2025-08-07 context-management-2025-06-27 dangerous-tool-use-2026-09-03
    dev-full-thinking-2025-05-14 dreaming-2026-04-21 effort-2025-11-24 efs-2026-10-01
    experimental-claude-tag-2026-10-21 extended-cache-ttl-2025-04-11 fallback-credit-2026-06-01
    fallback-credit-2026-07-01 fast-mode-2026-02-01 files-api-2025-04-14
    fine-grained-tool-streaming-2025-05-14 google-managed-data-controls-2026-09-01
    inline-tools-2026-09-15 interleaved-thinking-2025-05-14 managed-agents-2026-04-01
    max-tokens-3-5-sonnet-2024-07-15 mcp-client-2025-04-04 mcp-client-2025-11-20
    mcp-client-2026-09-15 mcp-servers-2025-12-04 mcp-tunnels-2026-06-22
    message-batches-2024-09-24 message-threads-2026-08-12
    mid-conversation-output-config-2026-07-01 mid-conversation-system-2026-04-07
    mid-conversation-system-clear-at-2026-08-21 mid-conversation-tool-changes-2026-07-01
    model-context-window-exceeded-2025-08-26 oauth-2025-04-20 oidc-federation-2026-04-01
    output-128k-2025-02-19 output-300k-2026-03-24 pdfs-2024-09-25 per-turn-control-2026-07-01
    prompt-caching-2024-07-31 prompt-caching-scope-2026-01-05 redact-thinking-2026-02-12
    search-results-2025-06-09 server-side-fallback-2026-06-01 server-side-fallback-2026-07-01
    skills-2025-10-02 spend-limit-reads-2026-09-26 structured-outputs-2025-11-13
    structured-outputs-2025-12-15 task-budgets-2026-03-13 telemetry-destinations-2026-08-11
    thinking-binding-controls-2026-08-01 thinking-display-updates-2026-08-18
    thinking-token-count-2026-05-13 token-counting-2024-11-01 token-efficient-tools-2025-02-19
    tool-examples-2025-10-29 tool-search-tool-2025-10-19 user-profiles-2026-03-24
    user-profiles-2026-08-18 user-profiles-2026-09-04 user-profiles-billing-2026-10-01
    web-fetch-2025-09-10 web-search-2025-03-05 webhooks-2026-10-07
"""

KNOWN = frozenset(_NAMES.split())
"""The betas the API has or had, of any part of it."""


def unknown(names: Iterable[str]) -> list[str]:
    """Those of the names that the API would not know."""
    return [name for name in names if name not in KNOWN and not _is_new(name)]


def _is_new(name: str) -> bool:
    found = _DATED.match(name)
    return found is not None and found[1] > LISTED_UNTIL
