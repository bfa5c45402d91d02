import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from regionkms.store.random_pool import CHUNK_BYTES, RandomPool


def test_requests_get_as_many_bytes_as_they_ask_for() -> None:
    pool = RandomPool()
    for size in (0, 1, 28, 28, 63, 64, 65, CHUNK_BYTES, 10 * CHUNK_BYTES):
        assert len(pool.take(size)) == size


def test_nothing_is_handed_out_twice_over_many_chunks() -> None:
    pool = RandomPool()
    taken = [pool.take(size) for size in (28, 16, 32, 12) * 1000]
    assert len(set(taken)) == len(taken)
    windows = {one[:12] for one in taken}
    assert len(windows) == len(taken)


def test_threads_never_get_the_same_bytes() -> None:
    pool = RandomPool()
    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda _: pool.take(28), range(20_000)))
    assert len(set(taken)) == len(taken)


def test_a_forked_child_does_not_repeat_its_parents_bytes() -> None:
    # In a fresh interpreter: this one has threads.
    program = (
        "import os\n"
        "from regionkms.store.random_pool import RandomPool\n"
        "RandomPool().take(28)\n"  # dropped at once: its fork hook must do no harm
        "pool = RandomPool(); pool.take(28)\n"
        "read, write = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    os.write(write, pool.take(28)); os._exit(0)\n"
        "os.wait()\n"
        "print(os.read(read, 28) != pool.take(28))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "True\n"


def test_after_forgetting_a_new_chunk_is_fetched() -> None:
    pool = RandomPool()
    before = pool.take(28)
    pool.forget()
    assert pool.take(28) != before


def test_a_pool_shows_and_leaks_nothing() -> None:
    pool = RandomPool()
    pool.take(28)
    assert repr(pool) == "<pool of random bytes>"
    with pytest.raises(TypeError, match=r"^a pool of random bytes is never pickled$"):
        pickle.dumps(pool)
