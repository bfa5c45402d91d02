"""Commands over a real Unix socket."""

import asyncio
import json
import os
import stat
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from regionkms.model.errors import ConfigurationError
from regionkms.node.command_socket import Asker, CommandSocket, NobodyListensError, ask

WITHIN_S = 5.0


async def handle(command: str, arguments: Mapping[str, Any], asker: Asker) -> object:
    match command:
        case "echo":
            return {"arguments": dict(arguments), "uid": asker.uid}
        case "refuse":
            raise ConfigurationError("no: \x1b[31mred")
        case "fail":
            raise RuntimeError("a secret reason")
        case _:
            await asyncio.sleep(WITHIN_S)
            return None


@asynccontextmanager
async def serving(path: Path) -> AsyncIterator[Path]:
    served = CommandSocket(path, handle)
    await served.start()
    try:
        yield path
    finally:
        served.close()
        await asyncio.sleep(0)


async def asked(path: Path, command: str, timeout_s: float = WITHIN_S, **arguments: object) -> Any:
    return await asyncio.to_thread(ask, path, command, arguments, timeout_s=timeout_s)


async def test_a_command_is_answered_and_the_asker_is_known(tmp_path: Path) -> None:
    async with serving(tmp_path / "socket") as path:
        found = await asked(path, "echo", text="\u00fc", number=1)
    assert found == {"arguments": {"text": "\u00fc", "number": 1}, "uid": os.getuid()}


async def test_only_the_owner_can_open_the_socket(tmp_path: Path) -> None:
    async with serving(tmp_path / "socket") as path:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_refusal_comes_as_its_sentence(tmp_path: Path) -> None:
    async with serving(tmp_path / "socket") as path:
        with pytest.raises(ConfigurationError, match="no: "):
            await asked(path, "refuse")


async def test_a_bug_is_said_to_the_log_and_not_to_the_asker(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path / "socket") as path:
        with pytest.raises(ConfigurationError) as refused:
            await asked(path, "fail")
        assert (await asked(path, "echo"))["arguments"] == {}
    assert str(refused.value) == "the command failed for a reason that the node's log tells"
    assert "a secret reason" in caplog.text


@pytest.mark.parametrize(
    "line", [b"\n", b"[]\n", b"{}\n", b'{"command": 1}\n', b'{"command": "echo", "arguments": 1}\n']
)
async def test_what_is_no_question_is_refused(tmp_path: Path, line: bytes) -> None:
    async with serving(tmp_path / "socket") as path:
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(line)
        answer = json.loads(await asyncio.wait_for(reader.readline(), WITHIN_S))
        writer.close()
    assert answer == {"error": "a question is a JSON object with command and arguments"}


async def test_a_connection_carries_several_commands(tmp_path: Path) -> None:
    async with serving(tmp_path / "socket") as path:
        reader, writer = await asyncio.open_unix_connection(str(path))
        for number in range(3):
            writer.write(json.dumps({"command": "echo", "arguments": {"n": number}}).encode())
            writer.write(b"\n")
            answer = json.loads(await asyncio.wait_for(reader.readline(), WITHIN_S))
            assert answer["result"]["arguments"] == {"n": number}
        writer.close()


async def test_a_socket_that_an_earlier_process_left_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    path.write_text("left over")
    async with serving(path):
        assert (await asked(path, "echo"))["arguments"] == {}
    assert not path.exists()


async def test_a_path_that_is_too_long_for_an_address_works_all_the_same(tmp_path: Path) -> None:
    folder = tmp_path / ("d" * 120)
    folder.mkdir()
    async with serving(folder / "socket") as path:
        assert (await asked(path, "echo"))["arguments"] == {}


async def test_nobody_listening_is_told_from_a_refusal(tmp_path: Path) -> None:
    with pytest.raises(NobodyListensError) as refused:
        await asked(tmp_path / "none", "echo")
    assert str(refused.value) == (
        f"nobody listens on {tmp_path / 'none'} (No such file or directory); is the node running, "
        "and is this its user?"
    )


async def test_a_late_answer_is_not_waited_for(tmp_path: Path) -> None:
    async with serving(tmp_path / "socket") as path:
        with pytest.raises(NobodyListensError) as refused:
            await asked(path, "sleep", timeout_s=0.1)
    assert str(refused.value) == f"{path} gave no answer within 0.1 s"
