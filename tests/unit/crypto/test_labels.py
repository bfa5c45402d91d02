from regionkms.crypto import labels


def test_no_label_serves_two_purposes() -> None:
    found = [value for name, value in vars(labels).items() if name.isupper()]
    assert all(isinstance(value, bytes) for value in found)
    assert len(found) > 10
    assert len(set(found)) == len(found)


def test_every_label_has_a_version() -> None:
    found = [value for name, value in vars(labels).items() if name.isupper()]
    assert all(value.rpartition(b"/")[2] == b"v1" for value in found)
