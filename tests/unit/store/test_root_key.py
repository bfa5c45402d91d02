import os
import stat
from pathlib import Path

import pytest

from regionkms.crypto.material import Material
from regionkms.model.errors import ConfigurationError
from regionkms.store.root_key import RootKeyFile

KEY = bytes(range(32))
# SHA-256(length-prefixed label "regionkms/root-key-file/v1" and KEY), computed apart.
CHECKSUM = "33ae8c6f"
TEXT = f"regionkms-root-key-v1\n{KEY.hex()}\n{CHECKSUM}\n"


def key_file(folder: Path) -> RootKeyFile:
    return RootKeyFile(folder / "root.key", data_directory=folder / "data")


def written(folder: Path, text: str, mode: int = 0o600) -> RootKeyFile:
    path = folder / "root.key"
    path.write_text(text, "ascii")
    path.chmod(mode)
    return key_file(folder)


def test_a_made_key_is_read_back_and_open_to_its_owner_only(tmp_path: Path) -> None:
    provider = key_file(tmp_path)
    assert not provider.exists()
    key = provider.create()
    assert provider.exists()
    assert len(key) == 32
    assert provider.root_key() == key
    assert stat.S_IMODE((tmp_path / "root.key").stat().st_mode) == 0o600


def test_the_format_of_a_key_file_stays(tmp_path: Path) -> None:
    assert written(tmp_path, TEXT).root_key() == Material(KEY)
    assert written(tmp_path, TEXT.removesuffix("\n")).root_key() == Material(KEY)


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    provider = written(tmp_path, TEXT)
    with pytest.raises(ConfigurationError, match=r"There is a root key file .* already; it is nev"):
        provider.create()
    assert provider.root_key() == Material(KEY)


def test_a_dangling_link_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "root.key").symlink_to(tmp_path / "elsewhere")
    provider = key_file(tmp_path)
    assert provider.exists()
    with pytest.raises(ConfigurationError, match="already"):
        provider.create()
    assert not (tmp_path / "elsewhere").exists()


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    provider = RootKeyFile(tmp_path / "no" / "root.key", data_directory=tmp_path / "data")
    with pytest.raises(ConfigurationError, match=r"can't be made: No such file or directory\.$"):
        provider.create()


@pytest.mark.parametrize("inside", ["data/root.key", "data/keys/root.key", "link/root.key"])
def test_a_key_file_in_the_data_directory_is_refused(tmp_path: Path, inside: str) -> None:
    (tmp_path / "data" / "keys").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "data")
    with pytest.raises(ConfigurationError, match=r"lies in the data directory .* Keep it elsewh"):
        RootKeyFile(tmp_path / inside, data_directory=tmp_path / "data")


def test_a_missing_file_tells_that_nothing_opens_without_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"^There is no root key file .* bring it back"):
        key_file(tmp_path).root_key()


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    written(tmp_path, TEXT)
    (tmp_path / "root.key").rename(tmp_path / "real.key")
    (tmp_path / "root.key").symlink_to(tmp_path / "real.key")
    with pytest.raises(ConfigurationError, match=r"is a symbolic link, .* Name the file itself\.$"):
        key_file(tmp_path).root_key()


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "root.key").mkdir(mode=0o600)
    with pytest.raises(ConfigurationError, match=r"is no regular file\. Name the file itself\.$"):
        key_file(tmp_path).root_key()


def test_a_named_pipe_in_place_of_the_file_does_not_stop_the_start(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "root.key", 0o600)
    with pytest.raises(ConfigurationError, match=r"is no regular file"):
        key_file(tmp_path).root_key()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610, 0o666, 0o700])
def test_a_file_open_to_others_is_refused_with_the_remedy(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigurationError, match=rf"has mode {mode:04o};.* Run: chmod 600 "):
        written(tmp_path, TEXT, mode).root_key()


def test_a_read_only_file_is_taken(tmp_path: Path) -> None:
    assert written(tmp_path, TEXT, 0o400).root_key() == Material(KEY)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_another_user_is_refused_with_the_remedy(tmp_path: Path) -> None:
    provider = written(tmp_path, TEXT)
    os.chown(tmp_path / "root.key", 65534, 65534)
    with pytest.raises(ConfigurationError, match=r"belongs to user 65534,.* Run: chown 0 "):
        provider.root_key()


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT.replace("v1", "v2"),
        TEXT.replace("\n", "\r\n"),
        TEXT + "\n",
        TEXT.upper(),
        TEXT.replace(KEY.hex(), KEY.hex()[:-2]),
        KEY.hex(),
        "x" * 10_000,
    ],
)
def test_another_file_is_told_apart(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"is no root key file of a known version\. Name "):
        written(tmp_path, text).root_key()


def test_a_mistyped_digit_is_found_and_no_digit_is_shown(tmp_path: Path) -> None:
    digits = KEY.hex()
    for position in range(0, 64, 7):
        wrong = "f" if digits[position] != "f" else "0"
        text = TEXT.replace(digits, digits[:position] + wrong + digits[position + 1 :])
        with pytest.raises(ConfigurationError, match="its checksum does not fit") as refusal:
            written(tmp_path, text).root_key()
        assert digits[20:40] not in str(refusal.value)
        assert CHECKSUM not in str(refusal.value)
