import pytest

from regionkms.cli.app import FAMILIES, called_families
from tools.generate_cli_reference import PAGE, render


def test_the_reference_of_commands_is_fresh() -> None:
    assert render() == PAGE.read_text("utf-8"), "run: python -m tools.generate_cli_reference"


@pytest.mark.parametrize("family", FAMILIES)
def test_only_the_called_family_is_imported(family: str) -> None:
    assert called_families([family, "--help"]) == [family]


@pytest.mark.parametrize("arguments", [[], ["--help"], ["version"], ["dance"]])
def test_every_family_is_there_for_the_help(arguments: list[str]) -> None:
    assert called_families(arguments) == tuple(FAMILIES)
