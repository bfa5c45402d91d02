import asyncio
import logging

import pytest

from regionkms.node import worker


async def test_a_request_that_fails_in_its_task_ends_no_other_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    served: list[str] = []

    async def fails() -> None:
        raise ValueError("plaintext of a client")

    async def is_served() -> None:
        await asyncio.sleep(0)
        served.append("other")

    with caplog.at_level(logging.ERROR):
        async with asyncio.TaskGroup() as tasks:
            worker._spawn(tasks, fails())
            worker._spawn(tasks, is_served())
    assert served == ["other"]
    assert "the task of a request failed" in caplog.text
    assert "ValueError in fails" in caplog.text
    assert "plaintext of a client" not in caplog.text
