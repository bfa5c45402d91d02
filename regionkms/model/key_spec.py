"""The table of key specs: one row each, everything that depends on a spec is in its row.

Source: spec 01 §3.3, spec 05 §1.2-1.3, spec 07 §4.2 (quota buckets).
"""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class KeySpec(StrEnum):
    """Key specs that the table has a row for."""

    SYMMETRIC_DEFAULT = "SYMMETRIC_DEFAULT"
    RSA_2048 = "RSA_2048"
    RSA_3072 = "RSA_3072"
    RSA_4096 = "RSA_4096"
    ECC_NIST_P256 = "ECC_NIST_P256"
    ECC_NIST_P384 = "ECC_NIST_P384"
    ECC_NIST_P521 = "ECC_NIST_P521"
    ECC_SECG_P256K1 = "ECC_SECG_P256K1"
    HMAC_224 = "HMAC_224"
    HMAC_256 = "HMAC_256"
    HMAC_384 = "HMAC_384"
    HMAC_512 = "HMAC_512"
    SM2 = "SM2"


class KeyUsage(StrEnum):
    """What a KMS key is for; exactly one per key, fixed at creation."""

    ENCRYPT_DECRYPT = "ENCRYPT_DECRYPT"
    SIGN_VERIFY = "SIGN_VERIFY"
    GENERATE_VERIFY_MAC = "GENERATE_VERIFY_MAC"


class Origin(StrEnum):
    """Where key material comes from; fixed at creation (spec 01 §3.2)."""

    AWS_KMS = "AWS_KMS"
    EXTERNAL = "EXTERNAL"
    AWS_CLOUDHSM = "AWS_CLOUDHSM"
    EXTERNAL_KEY_STORE = "EXTERNAL_KEY_STORE"


class KeyManager(StrEnum):
    """Who manages a KMS key (spec 01 §2.1)."""

    CUSTOMER = "CUSTOMER"
    AWS = "AWS"


class CryptographicBucket(StrEnum):
    """The shared request quota that a cryptographic operation is charged to (spec 07 §4.2)."""

    SYMMETRIC = "symmetric"
    RSA = "rsa"
    ECC = "ecc"
    SM = "sm"


class KeyType(StrEnum):
    """What may replace what behind an alias (spec 01 A20)."""

    SYMMETRIC_ENCRYPTION = "symmetric encryption"
    ASYMMETRIC = "asymmetric"
    HMAC = "HMAC"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySpecRow:
    """One key spec.

    Attributes:
        algorithms: For each usage that the spec allows, its algorithms in the order shown.
        material_bytes: Length of the raw material; None where the material is a key pair.
        offered: Whether CreateKey makes such keys in this release.
    """

    spec: KeySpec
    key_type: KeyType
    algorithms: MappingProxyType[KeyUsage, tuple[str, ...]]
    bucket: CryptographicBucket
    material_bytes: int | None
    offered: bool = False


def _usages(**algorithms: tuple[str, ...]) -> MappingProxyType[KeyUsage, tuple[str, ...]]:
    return MappingProxyType({KeyUsage(name): value for name, value in algorithms.items()})


_RSA: Final = _usages(
    ENCRYPT_DECRYPT=("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"),
    SIGN_VERIFY=(
        "RSASSA_PKCS1_V1_5_SHA_256",
        "RSASSA_PKCS1_V1_5_SHA_384",
        "RSASSA_PKCS1_V1_5_SHA_512",
        "RSASSA_PSS_SHA_256",
        "RSASSA_PSS_SHA_384",
        "RSASSA_PSS_SHA_512",
    ),
)


def _rsa(spec: KeySpec) -> KeySpecRow:
    return KeySpecRow(
        spec=spec,
        key_type=KeyType.ASYMMETRIC,
        algorithms=_RSA,
        bucket=CryptographicBucket.RSA,
        material_bytes=None,
    )


def _ecc(spec: KeySpec, algorithm: str) -> KeySpecRow:
    return KeySpecRow(
        spec=spec,
        key_type=KeyType.ASYMMETRIC,
        algorithms=_usages(SIGN_VERIFY=(algorithm,)),
        bucket=CryptographicBucket.ECC,
        material_bytes=None,
    )


def _hmac(spec: KeySpec, algorithm: str, material_bytes: int) -> KeySpecRow:
    return KeySpecRow(
        spec=spec,
        key_type=KeyType.HMAC,
        algorithms=_usages(GENERATE_VERIFY_MAC=(algorithm,)),
        bucket=CryptographicBucket.SYMMETRIC,
        material_bytes=material_bytes,
    )


KEY_SPECS: Final = MappingProxyType(
    {
        row.spec: row
        for row in (
            KeySpecRow(
                spec=KeySpec.SYMMETRIC_DEFAULT,
                key_type=KeyType.SYMMETRIC_ENCRYPTION,
                algorithms=_usages(ENCRYPT_DECRYPT=("SYMMETRIC_DEFAULT",)),
                bucket=CryptographicBucket.SYMMETRIC,
                material_bytes=32,
                offered=True,
            ),
            _rsa(KeySpec.RSA_2048),
            _rsa(KeySpec.RSA_3072),
            _rsa(KeySpec.RSA_4096),
            _ecc(KeySpec.ECC_NIST_P256, "ECDSA_SHA_256"),
            _ecc(KeySpec.ECC_NIST_P384, "ECDSA_SHA_384"),
            _ecc(KeySpec.ECC_NIST_P521, "ECDSA_SHA_512"),
            _ecc(KeySpec.ECC_SECG_P256K1, "ECDSA_SHA_256"),
            _hmac(KeySpec.HMAC_224, "HMAC_SHA_224", 28),
            _hmac(KeySpec.HMAC_256, "HMAC_SHA_256", 32),
            _hmac(KeySpec.HMAC_384, "HMAC_SHA_384", 48),
            _hmac(KeySpec.HMAC_512, "HMAC_SHA_512", 64),
            KeySpecRow(
                spec=KeySpec.SM2,
                key_type=KeyType.ASYMMETRIC,
                algorithms=_usages(ENCRYPT_DECRYPT=("SM2PKE",), SIGN_VERIFY=("SM2DSA",)),
                bucket=CryptographicBucket.SM,
                material_bytes=None,
            ),
        )
    }
)
"""Every key spec by its name."""
