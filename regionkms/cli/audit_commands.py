"""`regionkms audit verify` (offline) and `regionkms audit tail` (design §5b)."""

import sys
from collections.abc import Mapping
from time import sleep
from typing import Annotated, Final

import typer

from regionkms.audit.tail import Filter, Follower, Record, newest, render, to_json
from regionkms.audit.verify import Report, verify
from regionkms.cli.offline import (
    Config,
    DataDir,
    RootKeyPath,
    StoreUrl,
    opened_store,
    settings_of,
)
from regionkms.cli.operator_client import NodeDir, operate
from regionkms.cli.output import ExitCode, say, told
from regionkms.config import NodeSettings
from regionkms.coordination.enrolment import ENROLMENT
from regionkms.coordination.enrolment_files import EnrolmentFiles
from regionkms.model.errors import ConfigurationError
from regionkms.node.audit_key import audit_public_key
from regionkms.node.handover import audit_directory
from regionkms.store.transaction import SqlTransaction

_POLL_S: Final = 0.2

app: Final = typer.Typer(
    help="The audit log of one node.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("verify")
def verify_(
    config: Config = None,
    data_dir: DataDir = None,
    root_key_file: RootKeyPath = None,
    store_url: StoreUrl = None,
) -> None:
    """Check every chain of a node's audit log against its signed heads.

    Names the first record of each chain that is missing, altered or out of order. Heads are those
    of the store and, while the node runs in a cluster, of etcd, where a rollback of files and store
    together shows. Changes nothing. Ends with 3 if something is wrong.
    """
    with told():
        report, witnesses = _verified(settings_of(config, data_dir, root_key_file, store_url))
    for finding in report.findings:
        say(str(finding))
    say(f"{_summary(report)}\n{witnesses}")
    if not report.ok:
        sys.exit(ExitCode.PROBLEMS_FOUND)


def _verified(settings: NodeSettings) -> tuple[Report, str]:
    """The report, and a sentence on the heads that etcd has."""
    # etcd's heads first, then the store's: those go into the store before they go to etcd.
    witnessed, sentence = _witnessed(settings)
    with opened_store(settings) as store:
        # The heads first: what is written in between must not look missing.
        heads, public_key = store.database.read(_heads_and_key)
    try:
        return verify(audit_directory(settings), heads, public_key, witnessed), sentence
    except OSError as error:
        raise ConfigurationError(
            f"the audit log in {audit_directory(settings)} can't be read: {error.strerror}"
        ) from error


def _witnessed(settings: NodeSettings) -> tuple[Mapping[str, str], str]:
    """The heads that etcd has, by the running node, and a sentence on them."""
    try:
        found = operate(settings.data_dir, "audit heads", {})["heads"]
    except ConfigurationError as error:
        return {}, f"Heads in etcd were not looked at: {error}"
    if found is None:
        return {}, "This node is in no cluster, so its heads have no copy in etcd."
    return found, f"{len(found)} heads in etcd were looked at."


def _heads_and_key(tx: SqlTransaction) -> tuple[dict[str, str], bytes | None]:
    enrolled = tx.settings.get(ENROLMENT)
    if enrolled is None:
        return tx.outbox.chain_heads(), audit_public_key(tx)
    return tx.outbox.chain_heads(), EnrolmentFiles.decode(enrolled).verified().record_key


def _summary(report: Report) -> str:
    lines = [
        f"{report.records} records in {report.chains} chains ({report.segments} files): "
        + ("all whole and in order." if report.ok else f"{len(report.findings)} problems."),
        f"{report.heads} signed heads found in place, {report.recovered} torn ends closed.",
    ]
    if report.unsigned:
        names = ", ".join(report.unsigned)
        lines.append(f"Without a signed head, so a cut end would not show: {names}.")
    if report.unbelieved:
        names = ", ".join(report.unbelieved)
        lines.append(f"Heads in etcd that this Region has not signed, left out: {names}.")
    return "\n".join(lines)


@app.command()
def tail(  # noqa: PLR0917 - typer passes options by name
    data_dir: NodeDir,
    count: Annotated[int, typer.Option("--lines", "-n", help="Records to begin with.")] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as they come.")] = False,
    key: Annotated[str, typer.Option(help="Part of a key id, ARN or alias.")] = "",
    operation: Annotated[str, typer.Option(help="Such as Decrypt.")] = "",
    account: Annotated[str, typer.Option(help="Owner or caller.")] = "",
    error: Annotated[str, typer.Option(help="Error code; * for every failure.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Whole records, one a line.")] = False,
) -> None:
    """Show the newest audit records of a node, filtered; checks nothing (`audit verify` does)."""
    wanted = Filter(key=key, operation=operation, account=account, error=error)
    directory = data_dir / "audit"
    try:
        # Placed before the first read, so that nothing in between is passed over.
        follower = Follower(directory, wanted) if follow else None
        _print(newest(directory, count, wanted), as_json=as_json)
        while follower is not None:
            sleep(_POLL_S)
            _print(follower.poll(), as_json=as_json)
    except OSError as problem:
        with told():
            raise ConfigurationError(
                f"there is no audit log to read in {directory}: {problem.strerror}"
            ) from problem
    except KeyboardInterrupt:
        return


def _print(records: list[Record], *, as_json: bool) -> None:
    for record in records:
        say(to_json(record) if as_json else render(record))
