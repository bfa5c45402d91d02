"""Wait for a fact, with an end."""

import asyncio
from collections.abc import Awaitable, Callable

_STEP_S = 0.05


async def eventually(
    holds: Callable[[], Awaitable[bool]], *, within_s: float, step_s: float = _STEP_S
) -> None:
    """Return as soon as the fact holds; TimeoutError when it does not in time."""
    async with asyncio.timeout(within_s):
        while not await holds():  # noqa: ASYNC110 - what is waited for is in another process
            await asyncio.sleep(step_s)
