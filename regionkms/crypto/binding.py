"""What the binding key proves: fingerprints of generations, and the tag in their blobs.

Every KMS key has one binding key (256 random bits, never rotated, shared by related keys, of
imported origin too). Regions prove with it that they hold the same bytes for a generation, imported
material that differs from what the key had is refused, also after its deletion, and a blob shows
that its generation id was made by this key. Neither value tells anything about the material to
somebody without the binding key, however little entropy imported material has.

Source: design §3, protocol §2 Trust, protocol R7, R8.
"""

from typing import Final

from regionkms.crypto import labels
from regionkms.crypto.fields import length_prefixed
from regionkms.crypto.material import Material
from regionkms.crypto.primitives import HASH_BYTES, hmac_sha256
from regionkms.model.ids import GENERATION_ID_BYTES, GenerationId
from regionkms.model.key_spec import KEY_SPECS, KeySpec

BINDING_KEY_BYTES: Final = 32
FINGERPRINT_BYTES: Final = HASH_BYTES
GENERATION_TAG_BYTES: Final = 16


def fingerprint(
    binding_key: Material, *, generation_id: GenerationId, key_spec: KeySpec, material: Material
) -> bytes:
    """Fingerprint of a generation (32 bytes), the same in every Region that holds the same bytes.

    HMAC-SHA-256(binding key, "fp/v1" | generation id | key spec | canonical material), fields after
    their lengths. Compare with `hmac.compare_digest`.

    Raises:
        ValueError: An argument has the wrong length, or the spec has no canonical form yet.
    """
    _check(binding_key, generation_id)
    canonical = canonical_material(key_spec, material)
    return hmac_sha256(
        binding_key.reveal(),
        length_prefixed(
            labels.FINGERPRINT, generation_id, key_spec.value.encode(), canonical.reveal()
        ),
    )


def generation_tag(binding_key: Material, generation_id: GenerationId) -> bytes:
    """Tag of a generation in its blobs: 16 bytes of HMAC(binding key, "gen/v1" | generation id).

    A true tag on an unknown generation tells "not here yet" from "made up" (protocol §4). 128 bits:
    a forger may try as many blobs as he likes and gains no more than a retryable error.

    Raises:
        ValueError: An argument has the wrong length.
    """
    _check(binding_key, generation_id)
    message = length_prefixed(labels.GENERATION_TAG, generation_id)
    return hmac_sha256(binding_key.reveal(), message)[:GENERATION_TAG_BYTES]


def canonical_material(key_spec: KeySpec, material: Material) -> Material:
    """The one byte string that stands for material of a key spec.

    Raw bytes for symmetric and HMAC specs. A key pair has many encodings of the same private key:
    its canonical form (PKCS #8 DER as RFC 5958 orders it, without optional attributes) comes with
    the code that makes key pairs, and until then such a spec is refused rather than fingerprinted
    in a form that could not be kept.

    Raises:
        ValueError: The length is not the spec's, or the spec has no canonical form yet.
    """
    expected = KEY_SPECS[key_spec].material_bytes
    if expected is None:
        raise ValueError(f"{key_spec} has no canonical form of its material yet")
    if len(material) != expected:
        raise ValueError(f"{key_spec} takes {expected} bytes of material, got {len(material)}")
    return material


def _check(binding_key: Material, generation_id: GenerationId) -> None:
    if len(binding_key) != BINDING_KEY_BYTES or len(generation_id) != GENERATION_ID_BYTES:
        raise ValueError(
            f"a binding takes a key of {BINDING_KEY_BYTES} bytes"
            f" and a generation id of {GENERATION_ID_BYTES}"
        )
