"""Two kept states make the same code as HMAC itself."""

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regionkms.crypto.hmac_states import hmac_states


@given(key=st.binary(max_size=64), start=st.binary(max_size=130), rest=st.binary(max_size=130))
def test_copied_states_give_the_code_of_the_whole_message(
    key: bytes, start: bytes, rest: bytes
) -> None:
    states = hmac_states(key, start)
    for message in (rest, b"another", rest):
        inner, outer = (state.copy() for state in states)
        inner.update(message)
        outer.update(inner.digest())
        assert outer.digest() == hmac.digest(key, start + message, "sha256")


def test_a_key_longer_than_a_block_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^an HMAC key here has at most 64 bytes$"):
        hmac_states(b"k" * 65)
