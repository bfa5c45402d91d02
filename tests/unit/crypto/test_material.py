import copy
import pickle

import pytest

from regionkms.crypto.material import Material

SECRET = b"correct horse battery staple 123"


def test_material_shows_its_length_only() -> None:
    material = Material(SECRET)
    for shown in (repr(material), str(material), f"{material}", repr([material])):
        assert "correct" not in shown
        assert "<material of 32 bytes>" in shown
    assert len(material) == 32
    assert material.reveal() == SECRET


def test_material_does_not_leave_by_pickling_or_copying() -> None:
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=r"^material is never pickled$"):
            leave(Material(SECRET))


def test_material_is_equal_by_its_bytes_and_never_a_dictionary_key() -> None:
    assert Material(SECRET) == Material(bytes(SECRET))
    assert Material(SECRET) != Material(SECRET[:-1])
    assert Material(SECRET) != SECRET
    with pytest.raises(TypeError, match=r"^material is not hashable$"):
        hash(Material(SECRET))
