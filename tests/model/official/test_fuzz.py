"""Any program of opcodes, and any damage to a checkpoint, ends in a result or a named error, within stated bounds."""

import io
import struct
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from gghead.config.model import DiscriminatorConfig, GeneratorConfig
from gghead.model.discriminator import Discriminator
from gghead.model.generator import build_generator
from gghead.model.official.bounds import MAX_OPCODES, Budget
from gghead.model.official.pickled_tensors import interpret
from gghead.model.official.safe_pickle import Policy, read_inert
from model.official.official_import import read_official
from official_writer import official_content, write_official

BYTES_OF_AN_OPCODE = 400
"""Memory that an opcode may take, with the list that holds what it made."""
TINY = GeneratorConfig(
    z_size=2, style_size=2, map_resolution=8, channel_base=8, channel_max=2, grid_size=4, quaternion_order="zwxy"
)
NAMES = [
    b"trap\nsprung\n",
    b"builtins\ngetattr\n",
    b"builtins\nset\n",
    b"collections\nOrderedDict\n",
    b"torch._utils\n_rebuild_tensor_v2\n",
    b"torch._utils\n_rebuild_parameter\n",
    b"torch.storage\n_load_from_bytes\n",
    b"torch\nFloatStorage\n",
]
SHORT = st.binary(max_size=6)
TEXTS = st.sampled_from(["", "a", "_metadata", "sprung", "\x1b[2J", "é"]).map(str.encode)
PLACES = st.integers(0, 5).map(lambda place: bytes([place]))
SIMPLE = st.sampled_from(
    [bytes([code]) for code in b"(.012NaQRbdel}]ost)u\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94"]
)
OPCODES = st.one_of(
    SIMPLE,
    SIMPLE,
    st.sampled_from(NAMES).map(lambda name: b"c" + name),
    st.sampled_from(NAMES).map(lambda name: b"i" + name),
    PLACES.map(lambda place: b"h" + place),
    PLACES.map(lambda place: b"q" + place),
    st.integers(0, 2**32 - 1).map(lambda place: b"r" + struct.pack("<I", place)),
    st.integers(-5, 10**30).map(lambda place: b"p%d\n" % place),
    st.integers(0, 255).map(lambda number: b"K" + bytes([number])),
    st.integers(-(2**31), 2**31 - 1).map(lambda number: b"J" + struct.pack("<i", number)),
    SHORT.map(lambda number: b"\x8a" + bytes([len(number)]) + number),
    st.floats().map(lambda number: b"G" + struct.pack(">d", number)),
    TEXTS.map(lambda text: b"\x8c" + bytes([len(text)]) + text),
    SHORT.map(lambda content: b"C" + bytes([len(content)]) + content),
    st.integers(0, 2**63).map(lambda size: b"\x8e" + struct.pack("<Q", size)),
    st.binary(min_size=1, max_size=3),
)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A real pickle of networks of the official form, as small as they can be."""
    content = official_content(build_generator(TINY, 0), Discriminator(DiscriminatorConfig(8, 8, 2, 1), 0))
    return write_official(tmp_path_factory.mktemp("tiny") / "x.pkl", content).read_bytes()


@pytest.fixture(scope="module")
def trap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A module that leaves a file behind when somebody imports it, and another when somebody calls into it."""
    folder = tmp_path_factory.mktemp("trap")
    (folder / "trap.py").write_text(
        "from pathlib import Path\n"
        "here = Path(__file__).parent\n"
        "(here / 'imported').touch()\n"
        "def sprung(*_): (here / 'called').touch()\n"
    )
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))
    assert [path.name for path in folder.iterdir()] == ["trap.py"]


def assert_ends_well(read: Callable[[], object]) -> None:
    """In a result or a named error, whose message is short and steers no terminal."""
    told = ""
    try:
        read()
    except ValueError as error:
        told = str(error)
    assert told.isprintable()
    assert len(told) < 2000


def read_all_names(program: bytes) -> None:
    """Reads with a policy that lets every name pass, so that nothing but the machine itself stands in the way."""
    budget = Budget.of_file(len(program))
    policy = Policy(lambda _: True, lambda record: interpret(record, budget), lambda identifier: identifier, budget)
    assert_ends_well(lambda: read_inert(io.BytesIO(program), policy))
    assert MAX_OPCODES - budget.opcodes <= len(program)


@settings(max_examples=250)
@given(st.lists(OPCODES, max_size=40))
def test_any_program_ends_well(trap: Path, opcodes: list[bytes]) -> None:
    read_all_names(b"\x80\x04" + b"".join(opcodes) + b".")
    assert "trap" not in sys.modules


@settings(max_examples=30)
@given(st.lists(OPCODES, min_size=1, max_size=6), st.integers(50, 150))
def test_memory_grows_with_the_program(trap: Path, opcodes: list[bytes], times: int) -> None:
    program = b"\x80\x04(" + b"".join(opcodes) * times + b"l."
    tracemalloc.start()
    try:
        read_all_names(program)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < BYTES_OF_AN_OPCODE * len(program) + 2**20
    assert "trap" not in sys.modules


@pytest.mark.slow
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_to_a_checkpoint_ends_well(data: st.DataObject, checkpoint: bytes, tmp_path: Path) -> None:
    changed = bytearray(checkpoint)
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(2, len(changed)))
        changed[start : start + data.draw(st.integers(0, 12))] = data.draw(st.one_of(OPCODES, st.binary(max_size=12)))
    path = tmp_path / "x.pkl"
    path.write_bytes(changed)
    assert_ends_well(lambda: read_official(path))
