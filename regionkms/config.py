"""Settings of a node: as read (TOML file, environment, command line) and as checked.

Later sources win: defaults, then the file, then `REGIONKMS_*` variables, then options. Only node/
and cli/ import this module; everything else is given values.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Final

from regionkms.model.errors import ConfigurationError
from regionkms.model.ids import RegionName, is_region_name
from regionkms.quota.settings import QuotaSettings, parse_quota_mode

ENVIRONMENT_PREFIX: Final = "REGIONKMS_"
MAX_WORKERS: Final = 64
"""Processes of one node; shared memory has a slot for each."""
_MAX_PORT: Final = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """Settings of one Region's node, checked.

    Attributes:
        region: The Region that the node is.
        data_dir: Store, audit log and sockets; made with mode 0700.
        root_key_file: Opens the store's domain keys; kept outside data_dir and its backups.
        listen_host: Address of the API endpoint.
        listen_port: Port of the API endpoint; workers share it.
        workers: API worker processes.
        store_url: SQLAlchemy URL of the regional store; SQLite in data_dir by default.
        tls_certificate: PEM chain of the API endpoint; with tls_key it turns TLS on.
        tls_key: PEM private key of tls_certificate.
        etcd: Endpoints (URLs) of the cluster's etcd; none: a single-Region node.
        etcd_authority: PEM certificates that etcd's own certificate must lead to (https only).
        etcd_certificate: PEM certificate that the agent shows to etcd.
        etcd_key: PEM private key of etcd_certificate.
        enrolment: Folder that `regionkms region enrol` made for this Region.
        transport_listen: host:port on which the agent serves other Regions.
        transport_address: host:port under which other Regions reach the agent.
        peer_addresses: host:port to use for a Region instead of what the directory says, where
            this Region's network knows it by another one.
        quotas: Request quotas: `aws`, `off` or `xN`.
        trusted_proxies: Networks whose X-Forwarded-For is believed.
        lab: The node belongs to a lab; must agree with what its store was made as.
        log_level: Of the JSON log on standard error.
        drain_s: Longest wait for requests in flight after SIGTERM.
    """

    region: RegionName
    data_dir: Path
    root_key_file: Path
    listen_host: str = "127.0.0.1"
    listen_port: int = 8101
    workers: int = 1
    store_url: str
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    etcd: tuple[str, ...] = ()
    etcd_authority: Path | None = None
    etcd_certificate: Path | None = None
    etcd_key: Path | None = None
    enrolment: Path | None = None
    transport_listen: str = "127.0.0.1:0"
    transport_address: str = ""
    peer_addresses: Mapping[RegionName, str] = field(default_factory=dict)
    quotas: QuotaSettings = field(default_factory=QuotaSettings)
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    lab: bool = False
    log_level: str = "INFO"
    drain_s: float = 10.0


@dataclass(slots=True, kw_only=True)
class SettingsAsRead:
    """Settings as text, before any check; an empty text means: not set.

    The names are those of the TOML file and, in capitals after `REGIONKMS_`, of the environment.
    """

    region: str = ""
    data_dir: str = ""
    root_key_file: str = ""
    listen: str = ""
    workers: str = ""
    store_url: str = ""
    tls_certificate: str = ""
    tls_key: str = ""
    etcd: str = ""
    etcd_authority: str = ""
    etcd_certificate: str = ""
    etcd_key: str = ""
    enrolment: str = ""
    transport_listen: str = ""
    transport_address: str = ""
    peer_addresses: str = ""
    quotas: str = ""
    trusted_proxies: str = ""
    lab: str = ""
    log_level: str = ""
    drain_s: str = ""


def read_settings(
    options: Mapping[str, str | None], *, config_file: Path | None, environment: Mapping[str, str]
) -> SettingsAsRead:
    """Gather settings from file, environment and options, the later winning.

    Raises:
        ConfigurationError: The file can't be read, or names a setting that does not exist.
    """
    known = {each.name for each in fields(SettingsAsRead)}
    found = _from_file(config_file, known)
    for name in known:
        value = environment.get(ENVIRONMENT_PREFIX + name.upper())
        if value:
            found[name] = value
    found.update({name: value for name, value in options.items() if value})
    return SettingsAsRead(**found)


def _from_file(config_file: Path | None, known: set[str]) -> dict[str, str]:
    if config_file is None:
        return {}
    try:
        with config_file.open("rb") as file:
            values = tomllib.load(file)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{config_file} can't be read as TOML: {error}") from error
    unknown = sorted(values.keys() - known)
    if unknown:
        raise ConfigurationError(
            f"{config_file} has unknown settings: {', '.join(unknown)}. Known: "
            f"{', '.join(sorted(known))}."
        )
    return {name: _as_text(value) for name, value in values.items()}


def _as_text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(str(each) for each in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def check_settings(read: SettingsAsRead) -> NodeSettings:
    """Check settings and fill in what follows from others.

    Raises:
        ConfigurationError: A setting is missing or makes no sense; the message tells the fix.
    """
    if not is_region_name(read.region):
        raise ConfigurationError(
            f"region must be a Region's name such as eu-west-1, got {read.region!r}"
        )
    if not read.data_dir:
        raise ConfigurationError("data_dir is required: the folder for store and audit log")
    data_dir = Path(read.data_dir).absolute()
    root_key_file = Path(
        read.root_key_file or data_dir.parent / f"{data_dir.name}.root-key"
    ).absolute()
    if root_key_file.is_relative_to(data_dir):
        raise ConfigurationError(
            "root_key_file lies inside data_dir: a backup of the store would hold its own key. "
            "Put it elsewhere."
        )
    host, port = _host_and_port("listen", read.listen or "127.0.0.1:8101")
    etcd = tuple(part.strip() for part in read.etcd.split(",") if part.strip())
    if etcd and not read.enrolment:
        raise ConfigurationError(
            "etcd needs enrolment: the folder that `regionkms region enrol` made for this Region"
        )
    if bool(read.tls_certificate) != bool(read.tls_key):
        raise ConfigurationError("tls_certificate and tls_key turn TLS on together; set both")
    return NodeSettings(
        region=RegionName(read.region),
        data_dir=data_dir,
        root_key_file=root_key_file,
        listen_host=host,
        listen_port=port,
        workers=_whole("workers", read.workers or "1", low=1, high=MAX_WORKERS),
        store_url=read.store_url or f"sqlite:///{data_dir / 'store.db'}",
        tls_certificate=_path(read.tls_certificate),
        tls_key=_path(read.tls_key),
        etcd=etcd,
        etcd_authority=_path(read.etcd_authority),
        etcd_certificate=_path(read.etcd_certificate),
        etcd_key=_path(read.etcd_key),
        enrolment=_path(read.enrolment),
        transport_listen=read.transport_listen or "127.0.0.1:0",
        transport_address=read.transport_address,
        peer_addresses=_peer_addresses(read.peer_addresses),
        quotas=parse_quota_mode(read.quotas or "aws"),
        trusted_proxies=_networks(read.trusted_proxies),
        lab=_truth("lab", read.lab or "false"),
        log_level=_level(read.log_level or "INFO"),
        drain_s=_seconds("drain_s", read.drain_s or "10"),
    )


def settings_from_environment() -> Mapping[str, str]:
    """The process's environment, for `read_settings`."""
    return os.environ


def _path(text: str) -> Path | None:
    return Path(text).absolute() if text else None


def _host_and_port(name: str, text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon:
        raise ConfigurationError(f"{name} must be HOST:PORT, got {text!r}")
    return host.strip("[]"), _whole(f"port of {name}", port, low=0, high=_MAX_PORT)


def _peer_addresses(text: str) -> Mapping[RegionName, str]:
    """Read `REGION=HOST:PORT`, joined by commas."""
    found: dict[RegionName, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        region, _, address = part.partition("=")
        if not is_region_name(region):
            raise ConfigurationError(
                f"peer_addresses are REGION=HOST:PORT joined by commas, got {part!r}"
            )
        _host_and_port("peer_addresses", address)
        found[RegionName(region)] = address
    return found


def _whole(name: str, text: str, *, low: int, high: int) -> int:
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise ConfigurationError(f"{name} must be a whole number {low} to {high}, got {text!r}")
    return int(text)


def _seconds(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ConfigurationError(f"{name} must be seconds, 0 or more, got {text!r}")
    return value


def _truth(name: str, text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ConfigurationError(f"{name} must be true or false, got {text!r}")
    return text.lower() == "true"


def _level(text: str) -> str:
    levels = ("DEBUG", "INFO", "WARNING", "ERROR")
    if text.upper() not in levels:
        raise ConfigurationError(f"log_level must be one of {', '.join(levels)}, got {text!r}")
    return text.upper()


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as error:
        raise ConfigurationError(f"trusted_proxies must be networks: {error}") from error
