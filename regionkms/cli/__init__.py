"""The command: starts nodes through node/, else a client of the endpoint or the operator socket."""

from regionkms.cli.app import app


def main() -> None:
    """Run the `regionkms` command."""
    app()
