"""Opening a node's store without the node, for commands that verify: they change nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from regionkms.config import NodeSettings, check_settings, read_settings, settings_from_environment
from regionkms.store.bootstrap import read_bootstrap
from regionkms.store.database import Database
from regionkms.store.domain_keys import open_domain_keys
from regionkms.store.root_key import RootKeyFile
from regionkms.store.vault import DomainVault

_ANY_REGION: Final = "us-east-1"

Config = Annotated[
    Path | None, typer.Option("--config", help="The node's TOML file.", metavar="FILE")
]
DataDir = Annotated[str | None, typer.Option(help="The node's data directory.", metavar="FOLDER")]
RootKeyPath = Annotated[
    str | None, typer.Option("--root-key-file", help="The node's root key.", metavar="FILE")
]
StoreUrl = Annotated[
    str | None, typer.Option(help="The node's store, if not in --data-dir.", metavar="URL")
]


def settings_of(
    config: Path | None, data_dir: str | None, root_key_file: str | None, store_url: str | None
) -> NodeSettings:
    """The settings of a node, for those parts that say where its things are.

    Raises:
        ConfigurationError: They make no sense.
    """
    options = {"data_dir": data_dir, "root_key_file": root_key_file, "store_url": store_url}
    read = read_settings(options, config_file=config, environment=settings_from_environment())
    # Where things are does not depend on the Region, so it need not be named again.
    read.region = read.region or _ANY_REGION
    return check_settings(read)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedStore:
    """A store with its domain keys."""

    database: Database
    vault: DomainVault


@contextmanager
def opened_store(settings: NodeSettings) -> Iterator[OpenedStore]:
    """Open a store by its root key; a node may run beside it.

    Raises:
        ConfigurationError: There is no store, no root key, or they do not fit.
        MaterialUnreadable: The root key is another store's.
    """
    provider = RootKeyFile(settings.root_key_file, data_directory=settings.data_dir)
    rows = read_bootstrap(settings.store_url).domain_keys
    keys = open_domain_keys(provider.root_key(), rows)
    vault = DomainVault(keys.materials, keys.current)
    database = Database(settings.store_url, vault)
    try:
        yield OpenedStore(database=database, vault=vault)
    finally:
        database.close()
