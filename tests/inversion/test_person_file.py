"""Person files: what is read is what was written, and nothing else is believed."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings, strategies as st

from gghead.checkpoint.tensors import TensorFile, load_tensors, save_tensors
from gghead.inversion.choosing import choose_heads, open_person
from gghead.inversion.person import Person, generator_hash
from gghead.inversion.person_file import is_person, load_person, save_person
from gghead.model.generator import Generator, build_generator
from gghead.model.storage import load_generator, save_generator
from tiny_run import MODEL

NAMES = ("styles", "residual", "expressions", "gains", "labels")


@pytest.fixture(scope="module")
def person(generator: Generator) -> Person:
    draw = torch.Generator().manual_seed(0)
    side, channels = generator.config.map_resolution, generator.config.map_channels
    styles = generator.styles([5], truncation=1.0)[0]
    return Person(
        styles=styles + 0.1 * torch.randn(styles.shape, generator=draw),
        residual=torch.randn(channels, side, side, generator=draw).half().float(),
        expressions=torch.zeros(2, channels, 8, 8),
        gains=torch.ones(2, 3),
        labels=torch.rand(2, 25, generator=draw),
        pictures=("a.jpg", "b.jpg"),
        model="tiny.safetensors",
        model_hash=generator_hash(generator),
    )


@pytest.fixture
def file(person: Person, tmp_path: Path) -> Path:
    path = tmp_path / "anna.safetensors"
    save_person(path, person)
    return path


def test_what_is_read_was_written(person: Person, file: Path) -> None:
    read = load_person(file)
    assert all(torch.equal(getattr(read, name), getattr(person, name)) for name in NAMES)
    assert (read.pictures, read.model, read.model_hash) == (person.pictures, person.model, person.model_hash)
    assert is_person(file)


def test_the_hash_does_not_depend_on_the_bits_of_the_file(generator: Generator, tmp_path: Path) -> None:
    halved = tmp_path / "half.safetensors"
    save_generator(halved, generator, torch.float16)
    again = tmp_path / "again.safetensors"
    save_generator(again, load_generator(halved))
    assert generator_hash(load_generator(halved)) == generator_hash(load_generator(again))
    assert generator_hash(load_generator(halved)) != generator_hash(generator)


def test_a_person_stands_among_seeds(generator: Generator, person: Person, file: Path) -> None:
    chosen = choose_heads(generator, [3, file, 3], truncation=0.5)
    assert torch.allclose(chosen.decode(generator, 1).means, person.decode(generator).means, atol=1e-6)
    assert torch.allclose(chosen.decode(generator, 0).means, generator.sample([3], 0.5).means, atol=1e-6)
    assert choose_heads(generator, [3]).residuals is None


def test_a_path_passes_through_the_person(generator: Generator, person: Person, file: Path) -> None:
    path = choose_heads(generator, [3, file], truncation=0.5).looped(8)
    assert torch.allclose(path.decode(generator, 0).means, generator.sample([3], 0.5).means, atol=1e-6)
    assert torch.allclose(path.decode(generator, 4).means, person.decode(generator).means, atol=1e-6)


def test_another_model_is_refused(file: Path, tmp_path: Path) -> None:
    other = build_generator(MODEL.generator, seed=1)
    with pytest.raises(
        ValueError, match=r"another model, tiny\.safetensors .*expected the same: name that one as MODEL"
    ):
        choose_heads(other, [file])
    with pytest.raises(ValueError, match="this person was fitted with another model"):
        load_person(file).decode(other)


def test_a_model_is_found_beside_its_person(file: Path, model_file: Path, person: Person) -> None:
    with pytest.raises(FileNotFoundError, match=r"model tiny\.safetensors, which does not lie beside it; put it there"):
        open_person(file, "cpu")
    (file.parent / "tiny.safetensors").write_bytes(model_file.read_bytes())
    found, generator = open_person(file, "cpu")
    assert torch.equal(found.decode(generator).means, person.decode(generator).means)


def test_a_model_is_no_person(model_file: Path) -> None:
    assert not is_person(model_file)
    with pytest.raises(ValueError, match="holds a generator; expected a person file"):
        load_person(model_file)


@settings(max_examples=40)
@given(data=st.data())
def test_a_file_that_was_cut_off_or_changed_is_refused(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("wild") / "wild.safetensors"
    tensors = {"styles": torch.ones(6, 8), "residual": torch.ones(22, 16, 16)}
    save_tensors(path, TensorFile(tensors, {"gghead.kind": "person"}))
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"wild\.safetensors"):
        load_person(path)


@pytest.mark.parametrize(
    ("name", "tensor", "told"),
    [
        ("styles", torch.full((6, 8), torch.nan), "styles has values that are NaN, infinite or above 10000"),
        ("residual", torch.ones(22, 16, 8), r"residual is \[22, 16, 8\]"),
        ("expressions", torch.ones(3, 22, 8, 8), "it names 2 pictures"),
        ("gains", torch.ones(2, 4), "gains or labels have another length"),
        ("labels", torch.ones(2, 25, dtype=torch.int64), "labels is torch.int64"),
        ("other", torch.ones(1), "it has the tensors .*other.* instead of styles"),
    ],
)
def test_wild_content_is_refused_in_words(name: str, tensor: torch.Tensor, told: str, file: Path) -> None:
    content = load_tensors(file)
    save_tensors(file, TensorFile({**content.tensors, name: tensor}, content.texts))
    with pytest.raises(ValueError, match=told):
        load_person(file)


@pytest.mark.parametrize(
    ("key", "text", "told"),
    [
        ("gghead.version", "7", "has format version 7; this gghead reads version 1"),
        ("gghead.person", "{}", "lacks model"),
        ("gghead.person", "[", "no valid JSON"),
    ],
)
def test_wild_texts_are_refused_in_words(key: str, text: str, told: str, file: Path) -> None:
    content = load_tensors(file)
    save_tensors(file, TensorFile(content.tensors, {**content.texts, key: text}))
    with pytest.raises(ValueError, match=told):
        load_person(file)


def test_other_sizes_than_the_models_are_refused(generator: Generator, person: Person, tmp_path: Path) -> None:
    path = tmp_path / "odd.safetensors"
    save_person(path, replace(person, styles=torch.ones(3, 8)))
    with pytest.raises(ValueError, match="tensors of other sizes than its model's"):
        choose_heads(generator, [path])


def test_another_ending_is_refused(person: Person, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected a name ending in \.safetensors"):
        save_person(tmp_path / "anna.txt", person)


def test_a_file_that_says_nothing_of_its_model_is_told_what_it_lacks(file: Path, tmp_path: Path) -> None:
    content = load_tensors(file)
    texts = {name: text for name, text in content.texts.items() if name != "gghead.person"}
    save_tensors(tmp_path / "bare.safetensors", TensorFile(content.tensors, texts))
    with pytest.raises(ValueError, match="lacks model, model_hash, pictures"):
        load_person(tmp_path / "bare.safetensors")
