"""The agent's part in a cluster: etcd, the way between Regions, and the reconcilers on them.

Made only where the node has etcd settings; without them nothing of it exists (design §7).
"""

import asyncio
import secrets
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final, Self

from regionkms.audit.witness import HeadWitness
from regionkms.config import NodeSettings
from regionkms.coordination.enrolment import load_identity
from regionkms.coordination.etcd_coordinator import EtcdCoordinator
from regionkms.coordination.etcd_settings import EtcdSettings, EtcdTls, parse_endpoints
from regionkms.crypto.region_identity import RegionIdentity
from regionkms.model.errors import ConfigurationError
from regionkms.model.ids import RegionName
from regionkms.node.handover import audit_directory
from regionkms.node.live_quotas import LiveQuotas
from regionkms.ports.clock import Clock
from regionkms.ports.key_transport import (
    FetchHandler,
    FetchRefused,
    FetchRequest,
    RefusalCode,
    SealedMaterial,
)
from regionkms.ports.metrics import Metrics
from regionkms.ports.quota_counter import QuotaCounter
from regionkms.ports.store import Store
from regionkms.ports.vault import Vault
from regionkms.reconcile.ports import AgentAudit, AgentPorts
from regionkms.reconcile.region_agent import RegionAgent
from regionkms.transport.client import GrpcKeyTransport
from regionkms.transport.server import KeyTransportServer

_RANDOM: Final = secrets.SystemRandom()

SILENT_AFTER_S = 20.0
"""A mirror older than this means that etcd does not answer: passes are a few seconds apart."""


class _LateHandler:
    """Stands in the listening server until the agent is made: its address is known only then."""

    def __init__(self) -> None:
        self.handler: FetchHandler | None = None

    async def serve(self, target: RegionName, request: FetchRequest) -> SealedMaterial:
        """See FetchHandler."""
        if self.handler is None:
            raise FetchRefused(RefusalCode.UNVERIFIED, "the agent is starting")
        return await self.handler.serve(target, request)


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeParts:
    """What the agent process has made already."""

    settings: NodeSettings
    store: Store
    vault: Vault
    clock: Clock
    metrics: Metrics
    quotas: LiveQuotas
    quota_counter: QuotaCounter
    audit: AgentAudit


class ClusterAgent:
    """Connections of one Region's agent, and the RegionAgent that uses them."""

    def __init__(
        self,
        *,
        identity: RegionIdentity,
        agent: RegionAgent,
        coordinator: EtcdCoordinator,
        transport: GrpcKeyTransport,
        server: KeyTransportServer,
        witness: HeadWitness,
    ) -> None:
        self.identity: Final = identity
        self.agent: Final = agent
        self.witness: Final = witness
        self._coordinator = coordinator
        self._transport = transport
        self._server = server

    @classmethod
    async def start(cls, parts: NodeParts) -> Self:
        """Take the Region's identity in, listen for other Regions, and prepare the agent.

        Raises:
            ConfigurationError: There is no enrolment, or a setting does not fit it.
        """
        settings = parts.settings
        identity = await load_identity(
            parts.store, parts.vault, settings.region, settings.enrolment
        )
        if identity is None:
            raise ConfigurationError(
                f"{settings.enrolment} holds no enrolment: make one by `regionkms region enrol`"
            )
        if identity.authority.lab != settings.lab:
            raise ConfigurationError(
                "the enrolment is a lab's and the node is none, or the other way round"
            )
        coordinator = EtcdCoordinator(etcd_settings(settings), identity.cluster, settings.region)
        transport = GrpcKeyTransport(identity)
        late = _LateHandler()
        server = KeyTransportServer(identity, late, settings.transport_listen)
        port = await server.start()
        agent = RegionAgent(
            AgentPorts(
                identity=identity,
                store=parts.store,
                vault=parts.vault,
                coordinator=coordinator,
                transport=transport,
                clock=parts.clock,
                metrics=parts.metrics,
                quotas=parts.quota_counter,
                limits=lambda: parts.quotas.current,
                audit=parts.audit,
                jitter=_RANDOM.random,
                address=_address(settings, port),
                peer_addresses=settings.peer_addresses,
                software_version=version("regionkms"),
            )
        )
        late.handler = agent.server
        witness = HeadWitness(
            audit_directory(settings),
            coordinator=coordinator,
            public_key=identity.record_key.public_key,
        )
        return cls(
            identity=identity,
            agent=agent,
            coordinator=coordinator,
            transport=transport,
            server=server,
            witness=witness,
        )

    def facts(self) -> dict[str, object]:
        """What `status` shows of the cluster."""
        reasons = self.agent.stop_reasons
        return {
            "etcd": self._etcd(),
            "cluster": self.identity.cluster,
            "stopped": reasons,
            "mirror_lag_s": round(self.agent.lag_s, 3),
            "regions": sorted(self.agent.directory.regions),
            "idle": self.agent.is_idle,
            "audit_rolled_back": sorted(self.witness.disputed),
        }

    def _etcd(self) -> str:
        if self.agent.stop_reasons:
            return "stopped"
        return "connected" if self.agent.lag_s < SILENT_AFTER_S else "no answer"

    async def close(self) -> None:
        """Stop listening and close the connections."""
        await self._server.stop()
        await asyncio.gather(self._transport.close(), self._coordinator.close())


def etcd_settings(settings: NodeSettings) -> EtcdSettings:
    """How the node reaches etcd.

    Raises:
        ConfigurationError: An endpoint is malformed, or https comes without an authority.
    """
    endpoints, is_tls = parse_endpoints(",".join(settings.etcd))
    if not is_tls:
        return EtcdSettings(endpoints=endpoints)
    if settings.etcd_authority is None:
        raise ConfigurationError("https endpoints of etcd need etcd_authority")
    return EtcdSettings(
        endpoints=endpoints,
        tls=EtcdTls(
            authority=settings.etcd_authority.read_bytes(),
            certificate=_content(settings.etcd_certificate),
            private_key=_content(settings.etcd_key),
        ),
    )


def _content(path: Path | None) -> bytes:
    return b"" if path is None else path.read_bytes()


def _address(settings: NodeSettings, port: int) -> str:
    """Where other Regions reach this one: as set, or where it listens."""
    if settings.transport_address:
        return settings.transport_address
    host = settings.transport_listen.rpartition(":")[0]
    return f"{host}:{port}"
