from tools.generate_proto import TARGET, generate, stale


def test_generated_modules_are_what_the_sources_give() -> None:
    assert stale(generate(), TARGET) == []


def test_a_changed_and_a_superfluous_module_are_both_stale() -> None:
    made = generate()
    changed = {**made, "record_pb2.py": "other"}
    del changed["directory_pb2.py"]
    assert stale(changed, TARGET) == ["directory_pb2.py", "record_pb2.py"]
