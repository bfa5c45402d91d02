"""Asking a running node: where its operator socket is, and what becomes of an answer."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from regionkms.node.command_socket import OPERATOR_SOCKET_NAME, ask

NodeDir = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        help="Data directory of the node; its operator socket is there.",
        envvar="REGIONKMS_DATA_DIR",
        metavar="FOLDER",
    ),
]


def operate(data_dir: Path, command: str, arguments: Mapping[str, object]) -> Any:
    """Carry out an operator command on the node of a data directory.

    Raises:
        ConfigurationError: No node answers there, or it refuses.
    """
    return ask(data_dir / OPERATOR_SOCKET_NAME, command, arguments)
