import pytest

from regionkms.crypto.binding import canonical_material, fingerprint, generation_tag
from regionkms.crypto.material import Material
from regionkms.model.ids import GenerationId
from regionkms.model.key_spec import KeySpec
from tests.support.plain_blob import joined, mac

BINDING = Material(bytes(range(100, 132)))
GENERATION = GenerationId(bytes(range(16)))
MATERIAL = Material(bytes(range(32)))


def test_a_fingerprint_follows_its_formula() -> None:
    shown = fingerprint(
        BINDING,
        generation_id=GENERATION,
        key_spec=KeySpec.SYMMETRIC_DEFAULT,
        material=MATERIAL,
    )
    fields = joined(b"fp/v1", GENERATION, b"SYMMETRIC_DEFAULT", MATERIAL.reveal())
    assert shown == mac(BINDING.reveal(), fields)
    assert shown.hex() == "4d1567db1fd250ec8bc2f2644275cb3c673d9fb72f8998d51edfd27482a9f25b"


def test_a_fingerprint_depends_on_every_argument() -> None:
    def shown(
        binding: Material = BINDING,
        generation: GenerationId = GENERATION,
        spec: KeySpec = KeySpec.SYMMETRIC_DEFAULT,
        material: Material = MATERIAL,
    ) -> bytes:
        return fingerprint(binding, generation_id=generation, key_spec=spec, material=material)

    values = [
        shown(),
        shown(binding=Material(bytes(32))),
        shown(generation=GenerationId(bytes(16))),
        shown(spec=KeySpec.HMAC_256),
        shown(material=Material(bytes(31) + b"\x01")),
    ]
    assert len(set(values)) == len(values)


def test_a_generation_tag_is_half_a_code_over_the_generation_id() -> None:
    assert (
        generation_tag(BINDING, GENERATION)
        == mac(BINDING.reveal(), joined(b"gen/v1", GENERATION))[:16]
    )


@pytest.mark.parametrize("length", [0, 31, 33])
def test_material_of_another_length_has_no_canonical_form(length: int) -> None:
    with pytest.raises(ValueError, match=rf"^SYMMETRIC_DEFAULT takes 32 bytes .* got {length}$"):
        canonical_material(KeySpec.SYMMETRIC_DEFAULT, Material(bytes(length)))


def test_raw_material_is_its_own_canonical_form() -> None:
    material = Material(bytes(64))
    assert canonical_material(KeySpec.HMAC_512, material) == material


def test_key_pairs_are_refused_until_their_form_is_decided() -> None:
    with pytest.raises(ValueError, match=r"^RSA_2048 has no canonical form of its material yet$"):
        canonical_material(KeySpec.RSA_2048, Material(bytes(1200)))


@pytest.mark.parametrize(("binding", "generation"), [(31, 16), (32, 15), (32, 0), (0, 16)])
def test_other_lengths_of_binding_key_and_generation_id_are_refused(
    binding: int, generation: int
) -> None:
    message = r"^a binding takes a key of 32 bytes and a generation id of 16$"
    with pytest.raises(ValueError, match=message):
        generation_tag(Material(bytes(binding)), GenerationId(bytes(generation)))
    with pytest.raises(ValueError, match=message):
        fingerprint(
            Material(bytes(binding)),
            generation_id=GenerationId(bytes(generation)),
            key_spec=KeySpec.SYMMETRIC_DEFAULT,
            material=MATERIAL,
        )
