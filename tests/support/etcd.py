"""Real etcd members for tests: started, stopped, killed and restarted by process id."""

import asyncio
import contextlib
import datetime as dt
import ipaddress
import os
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

START_S = 20.0


def free_port() -> int:
    """A TCP port of the loopback address that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True, kw_only=True)
class EtcdFiles:
    """PEM files for mutual TLS with etcd."""

    authority: Path
    certificate: Path
    private_key: Path


def make_tls(folder: Path) -> EtcdFiles:
    """An authority and one certificate for members and clients alike."""
    now = dt.datetime.now(tz=dt.UTC)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "etcd test authority")])
    authority = (
        x509.CertificateBuilder()
        .subject_name(authority_name)
        .issuer_name(authority_name)
        .public_key(authority_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "etcd")]))
        .issuer_name(authority_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
            ),
            critical=False,
        )
        .sign(authority_key, hashes.SHA256())
    )
    files = EtcdFiles(
        authority=folder / "ca.pem",
        certificate=folder / "etcd.pem",
        private_key=folder / "etcd.key",
    )
    files.authority.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    files.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files.private_key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


@dataclass(slots=True, kw_only=True)
class EtcdMember:
    """One member: its ports, data folder and process."""

    name: str
    client_port: int
    peer_port: int
    folder: Path
    command: list[str]
    process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.client_port}"

    def start(self) -> None:
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it at once, as a power cut would; its data stays."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def pause(self) -> None:
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        self.send(signal.SIGCONT)


@dataclass(slots=True, kw_only=True)
class Etcd:
    """An etcd cluster of one or three members."""

    folder: Path
    members: list[EtcdMember] = field(default_factory=list)
    tls: EtcdFiles | None = None

    @property
    def endpoints(self) -> tuple[str, ...]:
        return tuple(member.endpoint for member in self.members)

    def start(self) -> None:
        for member in self.members:
            if member.process is None:
                member.start()
        self.wait_healthy()

    def stop(self) -> None:
        for member in self.members:
            member.kill()

    def wait_healthy(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            with contextlib.suppress(subprocess.CalledProcessError):
                self.ctl("endpoint", "health")
                return
            time.sleep(0.1)
        raise AssertionError(f"etcd did not become healthy; see {self.folder}")

    def ctl(self, *arguments: str, endpoint: str = "") -> str:
        """Run etcdctl against all members, or one."""
        command = ["etcdctl", "--endpoints", endpoint or ",".join(self.endpoints), *arguments]
        if self.tls is not None:
            command += ["--cacert", str(self.tls.authority), "--cert", str(self.tls.certificate)]
            command += ["--key", str(self.tls.private_key)]
        environment = {**os.environ, "ETCDCTL_API": "3"}
        done = subprocess.run(
            command, env=environment, check=True, capture_output=True, timeout=START_S
        )
        return done.stdout.decode()

    async def ctl_async(self, *arguments: str) -> str:
        return await asyncio.to_thread(self.ctl, *arguments)

    def compact(self) -> int:
        """Compact all history up to now; the revision."""
        status = self.ctl("get", "none", "--write-out", "json")
        revision = int(status.split('"revision":')[1].split(",")[0])
        self.ctl("compaction", str(revision))
        return revision


def etcd_program() -> str:
    program = shutil.which("etcd")
    assert program is not None, "these tests need etcd (Debian: etcd-server) on PATH"
    return program


def make_etcd(folder: Path, *, members: int = 1, tls: EtcdFiles | None = None) -> Etcd:
    """An etcd cluster that is not started yet; all on loopback, on free ports."""
    cluster = Etcd(folder=folder, tls=tls)
    scheme = "http" if tls is None else "https"
    ports = [(f"m{number}", free_port(), free_port()) for number in range(members)]
    peers = ",".join(f"{name}=http://127.0.0.1:{peer}" for name, _, peer in ports)
    for name, client, peer in ports:
        command = [
            etcd_program(),
            *("--name", name, "--data-dir", str(folder / name)),
            *("--listen-client-urls", f"{scheme}://127.0.0.1:{client}"),
            *("--advertise-client-urls", f"{scheme}://127.0.0.1:{client}"),
            *("--listen-peer-urls", f"http://127.0.0.1:{peer}"),
            *("--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}"),
            *("--initial-cluster", peers, "--initial-cluster-token", folder.name),
            *("--heartbeat-interval", "50", "--election-timeout", "500"),
        ]
        if tls is not None:
            command += ["--cert-file", str(tls.certificate), "--key-file", str(tls.private_key)]
            command += ["--trusted-ca-file", str(tls.authority), "--client-cert-auth"]
        cluster.members.append(
            EtcdMember(
                name=name, client_port=client, peer_port=peer, folder=folder, command=command
            )
        )
    return cluster
