"""The command: starts nodes through node/, else a client of the endpoint or the operator socket."""

import sys

from regionkms.cli.app import build_app, called_families


def main() -> None:
    """Run the `regionkms` command."""
    build_app(called_families(sys.argv[1:]))()
