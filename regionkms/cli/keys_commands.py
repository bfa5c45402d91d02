"""`regionkms keys verify`."""

import sys
from typing import Final

import typer

from regionkms.cli.offline import (
    Config,
    DataDir,
    OpenedStore,
    RootKeyPath,
    StoreUrl,
    opened_store,
    settings_of,
)
from regionkms.cli.output import ExitCode, safe, say, told
from regionkms.node.verify_secrets import verify_access_keys, verify_region_keys
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
    """Open all that is stored wrapped and say what fails. Changes nothing; a node may run.

    That is the material of all keys, the secrets of access keys, and the Region's private keys.
    Ends with 3 if something fails.
    """
    with told(), opened_store(settings_of(config, data_dir, root_key_file, store_url)) as store:
        problems = _verify(store)
    if problems:
        sys.exit(ExitCode.PROBLEMS_FOUND)


def _verify(store: OpenedStore) -> int:
    """Verify everything, show what fails; how many problems there are."""
    reader = OfflineReader(store.database)
    keys = opened = problems = 0
    for key in verify_keys(reader.walk(), store.vault):
        keys += 1
        opened += key.opened_generations
        problems += len(key.problems)
        for problem in key.problems:
            _show(problem)
    good = 0
    for secret in (
        *verify_access_keys(reader, store.vault),
        *verify_region_keys(reader, store.vault),
    ):
        if secret.reason is None:
            good += 1
        else:
            problems += 1
            _show(secret)
    say(
        f"{keys} keys, {opened} generations of material opened, {good} other secrets, "
        f"{problems} problems."
    )
    return problems


def _show(problem: object) -> None:
    sys.stdout.write(f"{safe(problem)}\n")
