"""Model files that are damaged, foreign or made for harm: a named error, before anything large is allocated."""

import hashlib
import json
import struct
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings, strategies as st
from safetensors.torch import save_file

from gghead.checkpoint.header import KIND_KEY, MAX_HEADER
from gghead.checkpoint.tensors import TensorFile, load_tensors, save_tensors
from gghead.config.codec import to_json
from gghead.config.model import DiscriminatorConfig, GeneratorConfig
from gghead.inference.loading import load
from gghead.model.generator import build_generator
from gghead.model.storage import CONFIG_KEY, VERSION_KEY, load_generator, read_discriminator, save_generator

TINY = GeneratorConfig(z_size=8, style_size=8, map_resolution=8, channel_base=8, channel_max=8, grid_size=2)
TINY_FIELDS = json.loads(to_json(TINY))


def written(path: Path, config: str, kind: str = "generator", **tensors: torch.Tensor) -> Path:
    """A file whose hash is right and whose configuration is anything."""
    save_tensors(path, TensorFile(tensors, {KIND_KEY: kind, VERSION_KEY: "1", CONFIG_KEY: config}))
    return path


def raw(path: Path, header: bytes, data: bytes = b"", length: int | None = None) -> Path:
    """A file with any header."""
    path.write_bytes(struct.pack("<Q", len(header) if length is None else length) + header + data)
    return path


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"z_size": 2**20, "style_size": 2**20}, "is missing"),
        ({"channel_base": 2**20, "channel_max": 2**20}, "is missing"),
        ({"mapping_layers": 64, "style_size": 2**20}, "is missing"),
        ({"map_resolution": 8192}, "is missing"),
        ({"map_resolution": 2**14}, "map_resolution is 16384; expected a power of two"),
        ({"map_resolution": 2**4000}, "map_resolution is a whole number of 4001 bits"),
        ({"grid_size": 2**4000}, "grid_size is a whole number of 4001 bits"),
        ({"position_range": 2**4000}, "expected a number of double precision"),
        ({"max_log_scale": float("nan")}, "it holds NaN; expected numbers"),
        ({"log_scale_offset": float("-inf")}, "it holds -Infinity; expected numbers"),
        ({"max_log_scale": 1e300}, "max_log_scale is 1e[+]300; expected a value from"),
        ({"z_size": -8}, "z_size is -8"),
        ({"z_size": True}, "z_size is True; expected an integer"),
        ({"camera_conditioned": 1}, "camera_conditioned is 1; expected true or false"),
        ({"z_size": 8.0}, "z_size is 8.0; expected an integer"),
        ({"z_size": [8]}, "z_size is a list; expected an integer"),
        ({"quaternion_order": ["wxyz"]}, "quaternion_order is a list; expected one of"),
        ({"\x1b[2J" + "x" * 10**6: 1}, r"unknown field '\\x1b\[2Jx+\.\.\."),
        ({"picture_resolution": "256"}, "picture_resolution is '256'; expected an integer"),
    ],
)
def test_what_a_configuration_asks_for_is_compared_first(
    changes: dict[str, object], named: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "x.safetensors", json.dumps(TINY_FIELDS | changes), texel_uvs=torch.zeros(4, 2))
    with pytest.raises(ValueError, match=named) as refusal:
        load(path)
    assert "x.safetensors" in str(refusal.value)
    assert len(str(refusal.value)) < 1000


@pytest.mark.parametrize(
    ("config", "named"),
    [
        ("[" * 100_000, "no valid JSON"),
        ("[" * 100_000 + "]" * 100_000, "no valid JSON"),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, "no valid JSON"),
        ("", "no valid JSON"),
        ("null", "expected an object"),
        ("9" * 5000, "can't be read"),
        ('{"z_size": 8, "z_size": 9}', "the field 'z_size' twice"),
        ("[[[[" * 20 + "]]]]" * 20, "GeneratorConfig is a list; expected an object"),
    ],
)
def test_odd_texts_are_no_configuration(config: str, named: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=named):
        load_generator(written(tmp_path / "x.safetensors", config))


@pytest.mark.parametrize("shape", [(), (0, 2), (0,), (2**20, 0), (5, 2)])
def test_the_number_of_gaussians_is_that_of_a_grid(shape: tuple[int, ...], tmp_path: Path) -> None:
    path = written(tmp_path / "x.safetensors", to_json(TINY), texel_uvs=torch.zeros(shape))
    with pytest.raises(ValueError, match="Gaussians a head; expected 1 to 4"):
        load_generator(path)


def test_an_enormous_discriminator_is_not_allocated(tmp_path: Path) -> None:
    config = DiscriminatorConfig(8192, 2**20, 2**20, grown_from=(8, 64))
    path = written(tmp_path / "x.safetensors", to_json(config), "discriminator")
    with pytest.raises(ValueError, match="is missing"):
        read_discriminator(path, load_tensors(path))
    with pytest.raises(ValueError, match="grown_from names a size twice"):
        DiscriminatorConfig(64, grown_from=(8, 8))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_named(value: float, tmp_path: Path) -> None:
    generator = build_generator(TINY, seed=0)
    with torch.no_grad():
        generator.synthesis.blocks[1].conv0.weight[0, 0, 0, 0] = value
    save_generator(tmp_path / "x.safetensors", generator)
    with pytest.raises(ValueError, match=r"NaN or infinite values in synthesis\.blocks\.1\.conv0\.weight"):
        load_generator(tmp_path / "x.safetensors")


def test_what_16_bits_do_not_hold_stays_in_32(tmp_path: Path) -> None:
    generator = build_generator(TINY, seed=0)
    with torch.no_grad():
        generator.mapping.embed.weight[0, 0] = 1e6
    save_generator(tmp_path / "x.safetensors", generator, dtype=torch.float16)
    assert torch.equal(load_generator(tmp_path / "x.safetensors").mapping.embed.weight, generator.mapping.embed.weight)


def entry(dtype: str = "F32", shape: object = (1,), offsets: object = (0, 4)) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


STATED = {"__metadata__": {"sha256": "0" * 64}}
HEADERS = {
    "empty": {},
    "other types": STATED | {"x": entry("F8_E4M3", (4,))},
    "types that torch has not": STATED | {"x": entry("F8_E8M0", (4,)), "y": entry("U64", (1,), (4, 12))},
    "unknown types": STATED | {"x": entry("F99")},
    "a shape beyond all memory": STATED | {"x": entry(shape=(2**62, 2**62))},
    "no numbers beyond all memory": STATED | {"x": entry(shape=(0, 2**62, 2**62), offsets=(0, 0))},
    "a hundred axes": STATED | {"x": entry(shape=(1,) * 100)},
    "negative sizes": STATED | {"x": entry(shape=(-1,))},
    "offsets beyond the file": STATED | {"x": entry(offsets=(0, 2**60), shape=(2**58,))},
    "offsets that overlap": STATED | {"x": entry(), "y": entry()},
    "offsets backwards": STATED | {"x": entry(offsets=(4, 0))},
    "texts that are numbers": {"__metadata__": {"sha256": 3}},
    "a list": [],
    "names that steer": STATED | {"\x1b[2J\x07\u202e" + "x" * 1000: entry("F99")},
}


@pytest.mark.parametrize("name", HEADERS)
def test_odd_headers_are_named(name: str, tmp_path: Path) -> None:
    path = raw(tmp_path / "x.safetensors", json.dumps(HEADERS[name]).encode(), bytes(12 if "torch" in name else 4))
    with pytest.raises(ValueError, match=r"x\.safetensors") as refusal:
        load_generator(path)
    assert len(str(refusal.value)) < 500
    assert str(refusal.value).isprintable()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 7,
        b"\0" * 8,
        b"\xff" * 64,
        b"PK\3\4" + bytes(100),
        b"GGUF" + bytes(100),
        b"\x80\4." + bytes(100),
        struct.pack("<Q", MAX_HEADER + 1) + b"{" * (MAX_HEADER + 1),
        struct.pack("<Q", 4) + b"\xff\xfe{}",
        struct.pack("<Q", 200_000) + b"[" * 200_000,
        struct.pack("<Q", 40) + b'{"__metadata__":{"sha256":"\\ud800"}}     ',
    ],
)
def test_what_is_no_such_file_is_called_so(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"no readable \.safetensors file"):
        load_generator(path)


def test_another_programs_file_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Language models have gigabytes."""
    path = tmp_path / "model.safetensors"
    save_file({"model.embed_tokens.weight": torch.zeros(8, 8, dtype=torch.bfloat16)}, path, metadata={"format": "pt"})
    monkeypatch.setattr(hashlib, "sha256", None)
    with pytest.raises(ValueError, match="was not written by gghead"):
        load_generator(path)


@pytest.fixture(scope="module")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("small") / "x.safetensors"
    save_tensors(path, TensorFile({"a": torch.arange(6.0).reshape(2, 3), "b": torch.zeros(0, 4)}, {"text": "of it"}))
    return path.read_bytes()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_change_of_bytes_gets_through(data: st.DataObject, small_file: bytes, tmp_path: Path) -> None:
    changed = bytearray(small_file)
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(changed)))
        changed[start : start + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    path = tmp_path / "x.safetensors"
    path.write_bytes(changed)
    try:
        content = load_tensors(path)
    except ValueError:
        return
    assert content.texts == {"text": "of it"}
    assert content.tensors["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
