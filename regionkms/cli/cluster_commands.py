"""`regionkms cluster init` and `regionkms region enrol`: offline, where the authority is kept."""

import datetime as dt
from pathlib import Path
from typing import Annotated, Final

import typer

from regionkms.cli.output import say, told
from regionkms.coordination.authority import ClusterAuthority
from regionkms.counters.clock import SystemClock
from regionkms.model.ids import RegionName
from regionkms.telemetry.hardening import harden_process

Authority = Annotated[
    Path, typer.Option(help="Folder of the cluster's authority.", metavar="FOLDER")
]

cluster: Final = typer.Typer(
    help="The cluster: its authority.", no_args_is_help=True, rich_markup_mode=None
)
region: Final = typer.Typer(
    help="Regions of the cluster.", no_args_is_help=True, rich_markup_mode=None
)


def _now() -> dt.datetime:
    return dt.datetime.fromtimestamp(SystemClock().machine_now(), tz=dt.UTC)


@cluster.command()
def init(
    name: Annotated[str, typer.Argument(help="Lower-case letters and digits, such as prod.")],
    authority: Authority,
) -> None:
    """Make a cluster's certificate authority in a new folder.

    Keep the folder offline: no Region and no etcd ever needs it, only `region enrol` does. Whoever
    has it can make Regions of this cluster.
    """
    with told():
        harden_process()
        made = ClusterAuthority.create(authority, name, lab=False, now=_now())
    say(
        f"Cluster {made.cluster}: its authority is in {authority}. Keep that folder offline.\n"
        f"Next: regionkms region enrol REGION --authority {authority} --out FOLDER"
    )


@region.command()
def enrol(
    name: Annotated[str, typer.Argument(help="Such as eu-west-1.", metavar="REGION")],
    authority: Authority,
    out: Annotated[
        Path, typer.Option(help="New folder for the Region's enrolment.", metavar="FOLDER")
    ],
) -> None:
    """Enrol a Region: issue its certificate and certify its record key.

    Bring the folder to the Region's node and start it with --enrolment. The node takes the private
    keys into its store and removes their files.
    """
    with told():
        harden_process()
        opened = ClusterAuthority(authority)
        number = opened.enrol(RegionName(name), out, now=_now())
    say(
        f"{name} is enrolled in {opened.cluster} (enrolment {number}).\n"
        f"Next: regionkms node --region {name} --enrolment {out} --etcd URL ..."
    )
