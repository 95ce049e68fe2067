"""Waiting instead of colliding, for many processes: a limiter that keeps its budget in Redis.

Theory of operation. The rules are those of `core.budget`, written once more in Lua, because the
decision has to be made where the budget is: one script runs alone, and reads Redis's own clock, so
that the processes need not agree on theirs. A budget is a hash of what is left of each bucket and
when that was known; it expires when nobody has asked for so long that it would be full anyway.
Whoever must wait waits in its own process and holds nothing meanwhile.

Works with Redis and Valkey; needs the package `redis` (`pip install tailrace[redis]`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import redis
import redis.asyncio

from tailrace.core.budget import Budget
from tailrace.procedures.limiting import JITTER, counted_input
from tailrace.procedures.wire import Wire

# KEYS[1]: the hash. ARGV[1]: what is asked. ARGV[2..4]: sizes a minute, "" for no limit.
# "ask": ARGV[5] input tokens; gives the seconds to wait, "0" when let in.
# "used": ARGV[5] input tokens to take (may be negative), ARGV[6] output tokens.
# "freeze": ARGV[5] seconds from now.
_SCRIPT = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local names = {'requests', 'input', 'output'}
local size, left = {}, {}
local known = redis.call('HMGET', KEYS[1], 'at', 'frozen', 'requests', 'input', 'output')
local at, frozen = tonumber(known[1]) or now, tonumber(known[2]) or 0
for i = 1, 3 do
  size[i] = tonumber(ARGV[i + 1])
  if size[i] then
    left[i] = math.min(size[i], (tonumber(known[i + 2]) or size[i]) + (now - at) * size[i] / 60)
  end
end
local function missing(i, amount)
  if not size[i] then return 0 end
  return (math.min(amount, size[i]) - left[i]) * 60 / size[i]
end
local function take(i, amount)
  if size[i] then left[i] = left[i] - amount end
end
local wait = 0
if ARGV[1] == 'ask' then
  local input = tonumber(ARGV[5])
  wait = math.max(0, frozen - now, missing(1, 1), missing(2, input), missing(3, 1))
  if wait == 0 then take(1, 1); take(2, input) end
elseif ARGV[1] == 'used' then
  take(2, tonumber(ARGV[5])); take(3, tonumber(ARGV[6]))
else
  frozen = math.max(frozen, now + tonumber(ARGV[5]))
end
redis.call('HSET', KEYS[1], 'at', string.format('%.6f', now))
redis.call('HSET', KEYS[1], 'frozen', string.format('%.6f', frozen))
local idle = math.max(60, frozen - now)
for i = 1, 3 do
  if size[i] then
    redis.call('HSET', KEYS[1], names[i], string.format('%.6f', left[i]))
    idle = math.max(idle, (size[i] - left[i]) * 60 / size[i])
  end
end
redis.call('EXPIRE', KEYS[1], math.ceil(idle) + 60)
return string.format('%.6f', wait)
"""


class _Redis:
    """What both limiters are: the script and its arguments."""

    def __init__(
        self,
        key: str,
        *,
        requests_per_minute: float | None = None,
        input_tokens_per_minute: float | None = None,
        output_tokens_per_minute: float | None = None,
    ) -> None:
        sizes = (requests_per_minute, input_tokens_per_minute, output_tokens_per_minute)
        Budget(  # refuses what cannot be
            requests_per_minute=requests_per_minute,
            input_tokens_per_minute=input_tokens_per_minute,
            output_tokens_per_minute=output_tokens_per_minute,
        )
        self._keys = [key]
        self._sizes = ["" if size is None else str(size) for size in sizes]

    def _ask(self, input_tokens: int) -> list[Any]:
        return ["ask", *self._sizes, input_tokens]

    def _used(self, estimated: int, usage: Mapping[str, Any]) -> list[Any]:
        output = usage.get("output_tokens") or 0
        return ["used", *self._sizes, counted_input(usage) - estimated, output]

    def _freeze(self, seconds: float) -> list[Any]:
        return ["freeze", *self._sizes, seconds]


class RedisLimiter(_Redis):
    """A limiter for the synchronous clients of many processes.

    All that name the same `key` on the same server share one budget: of `requests_per_minute`,
    `input_tokens_per_minute` and `output_tokens_per_minute`, `None` being no limit. Raises
    `ValueError` for a budget that is not positive, and `redis.RedisError` from a call where the
    server cannot be reached.
    """

    def __init__(self, url: str, key: str = "tailrace:limiter", **per_minute: float | None) -> None:
        super().__init__(key, **per_minute)
        self._client: Any = redis.Redis.from_url(url)  # pyright: ignore[reportUnknownMemberType]
        self._script: Any = self._client.register_script(_SCRIPT)

    async def enter(self, wire: Wire, input_tokens: int) -> None:
        """Wait until a call may be made; see `RateLimiter`."""
        while (wait := float(self._script(self._keys, self._ask(input_tokens)))) > 0:
            await wire.sleep(wait * (1 + JITTER * wire.chance()))

    async def refused(self, wire: Wire, seconds: float) -> None:
        """Freeze every process for a time in seconds."""
        self._script(self._keys, self._freeze(seconds))

    async def leave(self, wire: Wire, estimated: int, usage: Mapping[str, Any]) -> None:
        """Settle what a call used; see `RateLimiter`."""
        self._script(self._keys, self._used(estimated, usage))

    def close(self) -> None:
        """Close the connections to the server."""
        self._client.close()


class AsyncRedisLimiter(_Redis):
    """A limiter for the asynchronous clients of many processes; as `RedisLimiter`."""

    def __init__(self, url: str, key: str = "tailrace:limiter", **per_minute: float | None) -> None:
        super().__init__(key, **per_minute)
        self._client: Any = redis.asyncio.Redis.from_url(url)  # pyright: ignore[reportUnknownMemberType]
        self._script: Any = self._client.register_script(_SCRIPT)

    async def enter(self, wire: Wire, input_tokens: int) -> None:
        """Wait until a call may be made; see `RateLimiter`."""
        while (wait := float(await self._script(self._keys, self._ask(input_tokens)))) > 0:
            await wire.sleep(wait * (1 + JITTER * wire.chance()))

    async def refused(self, wire: Wire, seconds: float) -> None:
        """Freeze every process for a time in seconds."""
        await self._script(self._keys, self._freeze(seconds))

    async def leave(self, wire: Wire, estimated: int, usage: Mapping[str, Any]) -> None:
        """Settle what a call used; see `RateLimiter`."""
        await self._script(self._keys, self._used(estimated, usage))

    async def close(self) -> None:
        """Close the connections to the server."""
        await self._client.aclose()
