"""Heads as people name them on the command line: seeds, person files, and what files of them are called."""

from pathlib import Path

import pytest

from gghead.cli.persons.heads import head_names, read_heads


@pytest.mark.parametrize(
    ("text", "heads"),
    [
        ("0-2,anna.safetensors,7", [0, 1, 2, Path("anna.safetensors"), 7]),
        (" 3 , people/anna.safetensors ", [3, Path("people/anna.safetensors")]),
        ("Curie, Marie.safetensors,1", [Path("Curie, Marie.safetensors"), 1]),
        ("4,a,b,c.SAFETENSORS", [4, Path("a,b,c.SAFETENSORS")]),
        ("2024-11.safetensors", [Path("2024-11.safetensors")]),
    ],
)
def test_seeds_and_person_files_are_told_apart(text: str, heads: list[int | Path]) -> None:
    assert read_heads(text) == heads


@pytest.mark.parametrize("text", ["portrait.jpg", "0,portrait.jpg", "anna.safetensors,"])
def test_what_is_neither_is_told_what_there_is(text: str) -> None:
    with pytest.raises(ValueError, match=r"is no seed and no person file; expected .* like 0-15,42,anna.safetensors"):
        read_heads(text)


def test_every_head_has_a_file_of_its_own() -> None:
    anna, other, seed = Path("anna.safetensors"), Path("other/Anna.safetensors"), Path("seed0000.safetensors")
    assert head_names([0, anna, other, seed, 0, anna]) == [
        "seed0000",
        "anna",
        "Anna-2",
        "seed0000-2",
        "seed0000",
        "anna",
    ]
    second = Path("anna-2.safetensors")
    assert head_names([anna, second, other]) == ["anna", "anna-2", "Anna-3"]
