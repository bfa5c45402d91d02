from pathlib import Path

import pytest

from regionkms.lab.seed import read_seed
from regionkms.model.errors import ConfigurationError

MATERIAL = "c2VjcmV0IG1hdGVyaWFsIG9mIHRoaXJ0eS10d28gYnk="


def test_a_seed_is_read(tmp_path: Path) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text(
        """
accounts:
  - id: "111122223333"
keys:
  - id: 1234abcd-12ab-34cd-56ef-1234567890ab
    region: us-east-1
    policy: {Version: "2012-10-17", Statement: []}
    replicas: [{region: eu-west-1, aliases: [alias/a]}]
"""
    )
    seed = read_seed(path)
    assert [account.id for account in seed.accounts] == ["111122223333"]
    assert seed.keys[0].policy == {"Version": "2012-10-17", "Statement": []}
    assert seed.keys[0].replicas[0].aliases == ["alias/a"]


def test_an_empty_seed_makes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text("")
    assert read_seed(path).keys == []


@pytest.mark.parametrize(
    "text",
    [
        f"keys: [{{id: x, region: y, material: '{MATERIAL}', colour: red}}]",
        f"keys: [{{material: '{MATERIAL}'}}]",
        f"keys: '{MATERIAL}",
        f"keys: {MATERIAL}",
        f"- {MATERIAL}",
        "keys: !!python/object/apply:os.system ['true']",
    ],
)
def test_a_malformed_seed_is_refused_without_quoting_it(tmp_path: Path, text: str) -> None:
    path = tmp_path / "seed.yaml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        read_seed(path)
    assert str(refused.value).startswith(f"{path} is no seed file: ")
    assert MATERIAL not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_seed_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read_seed(tmp_path / "none.yaml")
    assert str(refused.value).endswith("can't be read: No such file or directory")
