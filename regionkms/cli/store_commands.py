"""`regionkms store migrate`."""

from typing import Final

import typer

from regionkms.cli.offline import Config, DataDir, StoreUrl, settings_of
from regionkms.cli.output import say, told
from regionkms.model.errors import ConfigurationError
from regionkms.store.bootstrap import store_exists
from regionkms.store.engine import shown_url
from regionkms.store.migrate import migrate as migrate_store

app: Final = typer.Typer(help="A Region's store.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def _store() -> None:
    """A Region's store."""


@app.command()
def migrate(config: Config = None, data_dir: DataDir = None, store_url: StoreUrl = None) -> None:
    """Bring a store's tables to this release's schema, in one transaction under one lock.

    Nodes of the release before run on the result; stop them only to upgrade them.
    """
    with told():
        settings = settings_of(config, data_dir, None, store_url)
        if not store_exists(settings.store_url):
            raise ConfigurationError(
                f"there is no store in {shown_url(settings.store_url)}; a node makes it when it "
                "starts for the first time"
            )
        migrate_store(settings.store_url)
    say(f"The store {shown_url(settings.store_url)} has this release's schema.")
