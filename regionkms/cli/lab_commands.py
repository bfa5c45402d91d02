"""`regionkms lab`: several Regions and etcd on one machine."""

import json
import signal
import sys
from pathlib import Path
from typing import Annotated, Final

import typer

from regionkms.cli.lab_tables import status_tables
from regionkms.cli.output import ExitCode, console, say, told
from regionkms.lab.duration import parse_duration_s
from regionkms.lab.lab import DEFAULT_BASE_PORT, DEFAULT_REGIONS, Lab, Wishes
from regionkms.lab.seed import Seed, read_seed, sow
from regionkms.lab.state import LabState
from regionkms.lab.status import LabStatus
from regionkms.lab.tail import follow

Dir = Annotated[Path, typer.Option("--dir", help="The lab's folder.", metavar="FOLDER")]
Part = Annotated[str, typer.Argument(help="A Region, or etcd.", metavar="REGION|etcd")]
Region = Annotated[str, typer.Argument(help="One of the lab's Regions.")]

DEFAULT_DIR: Final = Path(".lab")

app: Final = typer.Typer(
    help="Run several Regions and etcd on this machine, for development and tests.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def up(  # noqa: PLR0917 - typer passes options by name
    regions: Annotated[
        str | None,
        typer.Option(
            help=f"Names joined by commas; {','.join(DEFAULT_REGIONS)} by default.",
            metavar="REGION,...",
        ),
    ] = None,
    base_port: Annotated[
        int | None,
        typer.Option(
            help=f"Of the first endpoint ({DEFAULT_BASE_PORT}); the front door is one below.",
            metavar="PORT",
        ),
    ] = None,
    folder: Dir = DEFAULT_DIR,
    workers: Annotated[
        int | None, typer.Option(help="API workers of each Region (1).", metavar="N")
    ] = None,
    quotas: Annotated[
        str | None, typer.Option(help="Request quotas: aws (default), off or xN.", metavar="MODE")
    ] = None,
    etcd_members: Annotated[
        int | None, typer.Option(help="Members of etcd (1).", metavar="N")
    ] = None,
    host: Annotated[
        str | None,
        typer.Option(help="Address of endpoints and front door (127.0.0.1).", metavar="ADDRESS"),
    ] = None,
    seed: Annotated[
        Path | None,
        typer.Option(help="YAML file with accounts and keys to make, once.", metavar="FILE"),
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return once everything serves.")
    ] = False,
) -> None:
    """Start a lab and wait until everything serves; make it first if there is none.

    Of a lab that runs already it starts what is down and otherwise changes nothing. Without
    --detach it then shows the logs, and ends the lab on Ctrl-C.
    """
    with told():
        wishes = Wishes(
            regions=None if regions is None else [part.strip() for part in regions.split(",")],
            base_port=base_port,
            host=host,
            workers=workers,
            etcd_members=etcd_members,
            quotas=quotas,
        )
        seeds = None if seed is None else read_seed(seed)
        lab = Lab(folder, tell=say)
        if detach:
            _raise(lab, wishes, seeds)
        else:
            _stay(lab, wishes, seeds)


def _raise(lab: Lab, wishes: Wishes, seeds: Seed | None) -> LabState:
    state = lab.up(wishes)
    if seeds is not None:
        state = sow(lab, state, seeds, tell=say)
    _welcome(lab, state)
    return state


def _welcome(lab: Lab, state: LabState) -> None:
    _show(lab.status())
    say(
        f"One endpoint for all Regions (the front door): {state.gateway}\n"
        "Point an AWS client at it:\n\n"
        f"  set -a; . {_shown(lab.folder.aws_env)}; set +a\n"
        "  aws kms create-key --multi-region\n\n"
        "Then try: regionkms lab partition "
        f"{state.regions[-1]}, lab kill etcd, lab status, lab heal, lab down"
    )


def _show(status: LabStatus) -> None:
    screen = console()
    screen.print(*status_tables(status, width=screen.width), sep="\n")


def _shown(path: Path) -> str:
    """A path as one would type it here."""
    here = Path.cwd()
    return f"./{path.relative_to(here)}" if path.is_relative_to(here) else str(path)


def _stay(lab: Lab, wishes: Wishes, seeds: Seed | None) -> None:
    """Run a lab in the foreground: at whatever moment it is interrupted, the lab ends."""
    # As Ctrl-C does: the lab must not outlive a terminal that is closed or a service that ends.
    # SIGINT is among them because a job that a script starts in the background ignores it.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    try:
        state = _raise(lab, wishes, seeds)
        say("\nLogs follow; Ctrl-C ends the lab.\n")
        follow({region: lab.folder.log(region) for region in state.regions}, tell=say)
    except KeyboardInterrupt:
        # The second of an impatient user must not leave processes behind.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        say("\nEnding the lab ...")
        lab.down()


@app.command()
def status(
    folder: Dir = DEFAULT_DIR,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Show every Region, etcd and the lab's network, and how they are."""
    with told():
        found = Lab(folder, tell=say).status()
    if as_json:
        sys.stdout.write(json.dumps(found.as_json(), indent=2) + "\n")
    else:
        _show(found)


@app.command()
def down(
    folder: Dir = DEFAULT_DIR,
    purge: Annotated[
        bool, typer.Option("--purge", help="Remove its folder too: keys, logs and all.")
    ] = False,
) -> None:
    """End every process of the lab; `lab up` brings it back with all its keys."""
    with told():
        Lab(folder, tell=say).down(purge=purge)
    say("The lab is gone." if purge else "The lab is down; its data stay.")


@app.command()
def kill(part: Part, folder: Dir = DEFAULT_DIR) -> None:
    """End a Region or etcd at once by SIGKILL, as a power cut would."""
    with told():
        killed = Lab(folder, tell=say).kill(part)
    say(f"{part} is killed." if killed else f"{part} was down already.")


@app.command()
def start(part: Part, folder: Dir = DEFAULT_DIR) -> None:
    """Start a Region or etcd again and wait until it serves."""
    with told():
        started = Lab(folder, tell=say).start(part)
    say(f"{part} serves." if started else f"{part} was running already.")


@app.command()
def partition(region: Region, folder: Dir = DEFAULT_DIR) -> None:
    """Cut a Region off from etcd and from all other Regions; clients still reach it.

    Connections that stand are reset, new ones get no answer at all. Cuts add up until `lab heal`.
    """
    with told():
        state = Lab(folder, tell=say).partition(region)
    say(f"Cut off: {', '.join(state.partitioned)}")


@app.command()
def heal(folder: Dir = DEFAULT_DIR) -> None:
    """Undo every cut."""
    with told():
        Lab(folder, tell=say).heal()
    say("Every way is whole.")


clock: Final = typer.Typer(
    help="The lab clock: dates of KMS move, signatures do not.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(clock, name="clock")


@clock.command()
def advance(
    duration: Annotated[str, typer.Argument(help="Such as 30d, 12h or 1d12h.")],
    folder: Dir = DEFAULT_DIR,
) -> None:
    """Move the lab clock of all Regions forward, for good: deletion dates, rotation, expiry."""
    with told():
        state = Lab(folder, tell=say).advance_clock(parse_duration_s(duration))
    days = state.clock_offset_ns / 86_400_000_000_000
    say(f"The lab clock is {days:.2f} days ahead of the machine's.")


@app.command("seed")
def seed_command(
    file: Annotated[Path, typer.Argument(help="YAML file, as for `lab up --seed`.")],
    folder: Dir = DEFAULT_DIR,
) -> None:
    """Make the accounts and keys of a seed file in a running lab, once."""
    with told():
        seeds = read_seed(file)
        lab = Lab(folder, tell=say)
        found = lab.status()
        if not found.ready:
            say("The lab is not ready; `regionkms lab up` starts it.")
            sys.exit(ExitCode.FAILED)
        sow(lab, lab.state(), seeds, tell=say)
