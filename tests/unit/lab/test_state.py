from dataclasses import replace
from pathlib import Path

import pytest

from regionkms.lab.layout import Folder
from regionkms.lab.state import (
    Account,
    LabState,
    aws_env,
    lab_json,
    load_state,
    require_state,
    save_state,
)
from regionkms.model.errors import ConfigurationError
from regionkms.model.ids import RegionName

ACCOUNT = Account(
    account_id="111122223333",
    access_key_id="AKIAIOSFODNN7EXAMPLE",
    secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
)
STATE = LabState(
    regions=(RegionName("us-east-1"), RegionName("eu-west-1")),
    base_port=8101,
    accounts=(ACCOUNT,),
    partitioned=(RegionName("eu-west-1"),),
    clock_offset_ns=17,
)


def test_a_state_is_read_as_it_was_saved(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    assert load_state(folder) is None
    save_state(folder, STATE)
    assert load_state(folder) == STATE


@pytest.mark.parametrize("text", ["", "[]", '{"regions": "all"}'])
def test_a_damaged_state_is_refused_with_the_fix(tmp_path: Path, text: str) -> None:
    folder = Folder(tmp_path)
    folder.state.write_text(text)
    with pytest.raises(ConfigurationError) as refused:
        load_state(folder)
    assert str(refused.value).endswith(f"Remove {tmp_path} to begin anew.")


def test_a_folder_without_a_lab_tells_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        require_state(Folder(tmp_path))
    assert str(refused.value) == f"There is no lab in {tmp_path}. Make one: regionkms lab up"


def test_lab_json_has_its_fixed_members() -> None:
    assert lab_json(STATE) == {
        "account": "111122223333",
        "access_key_id": ACCOUNT.access_key_id,
        "secret_access_key": ACCOUNT.secret_access_key,
        "gateway": "http://127.0.0.1:8100",
        "regions": {
            "us-east-1": {"endpoint": "http://127.0.0.1:8101"},
            "eu-west-1": {"endpoint": "http://127.0.0.1:8102"},
        },
        "etcd": ["http://127.0.0.1:8103"],
        "accounts": {
            "111122223333": {
                "access_key_id": ACCOUNT.access_key_id,
                "secret_access_key": ACCOUNT.secret_access_key,
            }
        },
    }


def test_aws_env_can_be_sourced() -> None:
    spaced = replace(STATE, accounts=(replace(ACCOUNT, secret_access_key="a b'c"),))
    assert "AWS_SECRET_ACCESS_KEY='a b'\"'\"'c'\n" in aws_env(spaced)
    assert "AWS_ENDPOINT_URL=http://127.0.0.1:8100\n" in aws_env(STATE)


def test_a_wildcard_address_is_shown_as_loopback() -> None:
    assert replace(STATE, host="0.0.0.0").gateway == "http://127.0.0.1:8100"
    assert replace(STATE, host="192.0.2.7").gateway == "http://192.0.2.7:8100"


def test_an_unknown_region_is_refused_by_name() -> None:
    assert STATE.require("eu-west-1") == "eu-west-1"
    with pytest.raises(ConfigurationError) as refused:
        STATE.require("eu-north-1")
    assert str(refused.value) == "This lab has no Region 'eu-north-1'. It has us-east-1, eu-west-1."


def test_secrets_are_in_no_repr() -> None:
    assert ACCOUNT.secret_access_key not in repr(STATE)
