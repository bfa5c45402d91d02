"""Generate regionkms/model/proto/ from proto/regionkms/v1/*.proto.

    python tools/generate_proto.py           write the generated modules
    python tools/generate_proto.py --check   exit 1 if a generated module is stale

The files are named `regionkms/v1/*.proto` in protobuf's global pool (aetcd holds short names
there), while the Python modules lie flat in `regionkms.model.proto`; so imports are rewritten.
"""

import argparse
import re
import sys
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "proto"
TARGET = ROOT / "regionkms" / "model" / "proto"

_IMPORT = re.compile(r"^from regionkms\.v1 import (\w+_pb2)", re.MULTILINE)


def generate() -> dict[str, str]:
    """Run the compiler and return the text of each generated module by file name.

    Raises:
        RuntimeError: The compiler refused a source.
    """
    sources = sorted(str(path) for path in (SOURCES / "regionkms" / "v1").glob("*.proto"))
    well_known = str(files("grpc_tools") / "_proto")
    with tempfile.TemporaryDirectory() as folder:
        arguments = [f"-I{SOURCES}", f"-I{well_known}", f"--python_out={folder}"]
        code = protoc.main(["protoc", *arguments, f"--pyi_out={folder}", *sources])
        if code != 0:
            raise RuntimeError(f"protoc ended with {code}")
        made = sorted(Path(folder).rglob("*_pb2.py*"))
        return {path.name: _flatten(path.read_text()) for path in made}


def _flatten(text: str) -> str:
    return _IMPORT.sub(r"from regionkms.model.proto import \1", text)


def stale(generated: dict[str, str], target: Path) -> Sequence[str]:
    """Names of modules in `target` that are absent, differ, or have no source any more."""
    present = {path.name: path.read_text() for path in target.glob("*_pb2.py*")}
    names = sorted({*generated, *present})
    return [name for name in names if generated.get(name) != present.get(name)]


def main(arguments: Sequence[str]) -> int:
    """Write or check; the exit code of the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    generated = generate()
    changed = stale(generated, TARGET)
    if options.check:
        for name in changed:
            print(f"stale: {name}")
        return 1 if changed else 0
    for name in changed:
        if name in generated:
            (TARGET / name).write_text(generated[name])
        else:
            (TARGET / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
