"""`regionkms keys verify`."""

import sys
from pathlib import Path
from typing import Final

import typer

from regionkms.cli.offline import (
    Config,
    DataDir,
    RootKeyPath,
    StoreUrl,
    opened_store,
    settings_of,
)
from regionkms.cli.output import ExitCode, safe, say, told
from regionkms.store.offline import OfflineReader
from regionkms.store.verify_keys import verify_keys

app: Final = typer.Typer(
    help="All keys of a store, offline.", no_args_is_help=True, rich_markup_mode=None
)


@app.callback()
def _keys() -> None:
    """All keys of a store, offline."""


@app.command()
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
