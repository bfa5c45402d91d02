"""Who signs in the benchmarks, and where."""

from typing import Final

ACCOUNT: Final = "111122223333"
REGION: Final = "eu-west-1"
ACCESS_KEY_ID: Final = "AKIAIOSFODNN7EXAMPLE"
SECRET: Final = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"  # noqa: S105 - the documentation's example
