"""`regionkms node`: run one Region's node in the foreground."""

from pathlib import Path
from typing import Annotated

import typer

from regionkms.cli.offline import refuse_password_option
from regionkms.cli.output import told
from regionkms.config import read_settings, settings_from_environment
from regionkms.node.supervisor import run_node

ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="TOML file with any of the settings.", metavar="FILE"),
]


def node(  # noqa: PLR0917 - typer passes options by name
    config: ConfigFile = None,
    region: Annotated[
        str | None, typer.Option(help="The Region that this node is.", metavar="REGION")
    ] = None,
    data_dir: Annotated[
        str | None,
        typer.Option(help="Folder of the store, the audit log and the sockets.", metavar="FOLDER"),
    ] = None,
    root_key_file: Annotated[
        str | None,
        typer.Option(help="Opens the store; must lie outside the data directory.", metavar="FILE"),
    ] = None,
    listen: Annotated[
        str | None, typer.Option(help="Address of the endpoint.", metavar="HOST:PORT")
    ] = None,
    workers: Annotated[str | None, typer.Option(help="API worker processes.", metavar="N")] = None,
    store_url: Annotated[
        str | None,
        typer.Option(
            help="SQLAlchemy URL; SQLite in the data directory by default.", metavar="URL"
        ),
    ] = None,
    etcd: Annotated[
        str | None,
        typer.Option(help="etcd of the cluster. Without it: single-Region.", metavar="URL[,URL]"),
    ] = None,
    enrolment: Annotated[
        str | None, typer.Option(help="Folder made by `regionkms region enrol`.", metavar="FOLDER")
    ] = None,
    transport_listen: Annotated[
        str | None,
        typer.Option(help="Where the agent serves other Regions.", metavar="HOST:PORT"),
    ] = None,
    transport_address: Annotated[
        str | None,
        typer.Option(help="Under which other Regions reach the agent.", metavar="HOST:PORT"),
    ] = None,
    quotas: Annotated[
        str | None, typer.Option(help="Request quotas: aws, off or xN.", metavar="MODE")
    ] = None,
    tls_certificate: Annotated[
        str | None,
        typer.Option(help="PEM chain; turns TLS on together with --tls-key.", metavar="FILE"),
    ] = None,
    tls_key: Annotated[str | None, typer.Option(help="PEM private key.", metavar="FILE")] = None,
    log_level: Annotated[
        str | None, typer.Option(help="DEBUG, INFO, WARNING or ERROR.", metavar="LEVEL")
    ] = None,
) -> None:
    """Run one Region's node in the foreground: supervisor, API workers and agent.

    Every setting is also an environment variable (REGIONKMS_DATA_DIR, ...) and a name in the TOML
    file; options win over the environment, which wins over the file. SIGTERM drains and ends it.
    """
    options = {
        "region": region,
        "data_dir": data_dir,
        "root_key_file": root_key_file,
        "listen": listen,
        "workers": workers,
        "store_url": store_url,
        "etcd": etcd,
        "enrolment": enrolment,
        "transport_listen": transport_listen,
        "transport_address": transport_address,
        "quotas": quotas,
        "tls_certificate": tls_certificate,
        "tls_key": tls_key,
        "log_level": log_level,
    }
    with told():
        refuse_password_option(store_url)
        run_node(
            read_settings(options, config_file=config, environment=settings_from_environment())
        )
