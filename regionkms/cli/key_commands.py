"""`regionkms key show` (asks a node) and `regionkms keys verify` (offline)."""

import json
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from regionkms.cli.offline import (
    Config,
    DataDir,
    RootKeyPath,
    StoreUrl,
    opened_store,
    settings_of,
)
from regionkms.cli.operator_client import NodeDir, operate
from regionkms.cli.output import ExitCode, safe, say, told
from regionkms.store.offline import OfflineReader
from regionkms.store.verify_keys import verify_keys

key: Final = typer.Typer(
    help="One key as its Region knows it.", no_args_is_help=True, rich_markup_mode=None
)
keys: Final = typer.Typer(
    help="All keys of a store, offline.", no_args_is_help=True, rich_markup_mode=None
)


@key.callback()
def _key() -> None:
    """One key as its Region knows it."""


@keys.callback()
def _keys() -> None:
    """All keys of a store, offline."""


@key.command()
def show(
    key_id: Annotated[str, typer.Argument(help="Key id, no ARN.", metavar="KEY-ID")],
    account: Annotated[str, typer.Option(help="Owner of the key.", metavar="ACCOUNT")],
    data_dir: NodeDir,
) -> None:
    """Show everything that a Region's store knows of a key, as JSON; material is not among it.

    Of a multi-Region key that is the record as the Region last saw it, and how long ago that was.
    """
    with told():
        found = operate(data_dir, "key show", {"account_id": account, "key_id": key_id})
    say(json.dumps(found, indent=2))


@keys.command()
def verify(
    config: Config = None,
    data_dir: DataDir = None,
    root_key_file: RootKeyPath = None,
    store_url: StoreUrl = None,
) -> None:
    """Open all stored key material and say what fails. Changes nothing; a node may run.

    Ends with 3 if something fails.
    """
    with told():
        counts = _verify(config, data_dir, root_key_file, store_url)
    say(f"{counts[0]} keys, {counts[1]} generations of material opened, {counts[2]} problems.")
    if counts[2]:
        sys.exit(ExitCode.PROBLEMS_FOUND)


def _verify(
    config: Path | None, data_dir: str | None, root_key_file: str | None, store_url: str | None
) -> tuple[int, int, int]:
    checked = opened = problems = 0
    with opened_store(settings_of(config, data_dir, root_key_file, store_url)) as store:
        for result in verify_keys(OfflineReader(store.database).walk(), store.vault):
            checked += 1
            opened += result.opened_generations
            problems += len(result.problems)
            for problem in result.problems:
                sys.stdout.write(f"{safe(problem)}\n")
    return checked, opened, problems
