"""Opening a node's store without the node, for commands that verify: they change nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import typer

from regionkms.config import NodeSettings, check_settings, read_settings, settings_from_environment
from regionkms.model.errors import ConfigurationError
from regionkms.store.bootstrap import read_bootstrap
from regionkms.store.database import Database
from regionkms.store.domain_keys import open_domain_keys
from regionkms.store.engine import parse_url
from regionkms.store.root_key import RootKeyFile
from regionkms.store.vault import DomainVault
from regionkms.telemetry.hardening import harden_process

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
    refuse_password_option(store_url)
    options = {"data_dir": data_dir, "root_key_file": root_key_file, "store_url": store_url}
    read = read_settings(options, config_file=config, environment=settings_from_environment())
    # Where things are does not depend on the Region, so it need not be named again.
    read.region = read.region or _ANY_REGION
    return check_settings(read)


def refuse_password_option(store_url: str | None) -> None:
    """Refuse a password on the command line, which every user of the machine can read.

    Raises:
        ConfigurationError: The option --store-url has one.
    """
    if store_url and parse_url(store_url).password:
        raise ConfigurationError(
            "--store-url has a password, which everybody on this machine could read in the list "
            "of processes. Give the URL by REGIONKMS_STORE_URL or in the --config file (mode 0600)."
        )


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
    harden_process()
    provider = RootKeyFile(settings.root_key_file, data_directory=settings.data_dir)
    rows = read_bootstrap(settings.store_url).domain_keys
    keys = open_domain_keys(provider.root_key(), rows)
    vault = DomainVault(keys.materials, keys.current)
    database = Database(settings.store_url, vault)
    try:
        yield OpenedStore(database=database, vault=vault)
    finally:
        database.close()
