"""What can be known of the CUDA backend without a GPU: that every kernel compiles, and how kernels are cached."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

pytest.importorskip("cuda.core", reason="needs the extra cuda")

from gghead.cuda.availability import KernelError
from gghead.cuda.program import (
    CACHE_VARIABLE,
    Kernels,
    Source,
    bits_of,
    cache_folder,
    compile_program,
    fingerprint,
    slots_of,
)
from gghead.rasterizer.cuda import kernels as cuda_kernels
from gghead.rasterizer.cuda.backend import fixed_point
from gghead.rasterizer.cuda.kernels import KERNELS, SOURCES, Variant
from gghead.rasterizer.cuda.list_capacity import ListCapacity, roomy

ELF_MAGIC = b"\x7fELF"


@pytest.mark.slow
@pytest.mark.parametrize("architecture", ["sm_80", "sm_90", "sm_100"])
@pytest.mark.parametrize(
    "variant", [Variant(1, 0, False), Variant(4, 2, True), Variant(16, cuda_kernels.MAX_FEATURES, False)]
)
def test_every_kernel_compiles(architecture: str, variant: Variant) -> None:
    binary = compile_program(variant.source, architecture)
    assert binary.startswith(ELF_MAGIC)
    for name in KERNELS:
        assert f".text.{name}\0".encode() in binary, name


def test_constants_of_python_and_cuda_agree() -> None:
    """The sources say again what Python needs to launch them."""
    text = "".join(path.read_text() for path in SOURCES.glob("*.cu*"))
    for name, value in (("TILE", cuda_kernels.TILE), ("THREADS", cuda_kernels.THREADS), ("CLASSES", 64)):
        assert f"#define {name} {value}" in text
    assert f"#define BACK_WARPS {cuda_kernels.BACK_THREADS // 32}" in text


def test_what_the_code_depends_on_names_the_cached_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    variant = Variant(4, 2, False)
    names = {
        fingerprint(variant.source, "sm_90"),
        fingerprint(variant.source, "sm_100"),
        fingerprint(Variant(4, 2, True).source, "sm_90"),
        fingerprint(Variant(1, 2, False).source, "sm_90"),
    }
    assert len(names) == 4
    for source in SOURCES.glob("*.cu*"):
        (tmp_path / source.name).write_text(source.read_text() + "\n")
    monkeypatch.setattr(cuda_kernels, "SOURCES", tmp_path)
    assert fingerprint(variant.source, "sm_90") not in names
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "elsewhere"))
    assert cache_folder() == tmp_path / "elsewhere"


def test_sizes_of_a_splat_fit_its_channels() -> None:
    for features in range(cuda_kernels.MAX_FEATURES + 1):
        variant = Variant(1, features, False)
        assert 4 * variant.parts >= 10 + features  # x, y, a, b, c, level, rgb, z
        assert variant.row >= 10 + features  # moments, rgb, z
        assert variant.row % 2 == 0


def test_room_for_lists_follows_what_was_needed() -> None:
    history = ListCapacity()
    assert history.guess() == roomy(0) > 0
    history.note(1_000_000)
    assert 1_250_000 <= history.guess() <= 1_250_000 + 2**16
    history.note(10)
    assert history.guess() >= 900_000  # forgotten slowly
    for _ in range(200):
        history.note(10)
    assert history.guess() == roomy(10) == 2**16


def test_arguments_of_a_kernel() -> None:
    values, address = slots_of(3)
    assert address == slots_of(3)[1] != slots_of(4)[1]
    values[:] = [2**40, bits_of(1.0), 7]
    assert list(values) == [2**40, 0x3F800000, 7]


@pytest.mark.parametrize(("side", "bits"), [(64, 30), (256, 29), (512, 25), (1024, 21), (4096, 13)])
def test_integers_hold_the_moments_of_a_splat_that_covers_the_picture(side: int, bits: int) -> None:
    plan = SimpleNamespace(width=side, height=side)
    largest = torch.tensor([[-4.0]])
    units = fixed_point(plan, [largest, None, torch.zeros(0)])  # type: ignore[arg-type]
    assert units.tolist() == [2.0**bits / 4]
    offsets = torch.arange(side, dtype=torch.float64) - side / 2
    moment = float(offsets.square().sum()) * side * 4 * float(units)
    assert 16 * moment < 2**63
    assert fixed_point(plan, [torch.zeros(2)]).isfinite().all()  # type: ignore[arg-type]


@pytest.mark.parametrize("blocks", [0, (4, 0, 1), (4, 1, 0)])
def test_nothing_is_launched_for_an_empty_batch(blocks: int | tuple[int, int, int]) -> None:
    """CUDA refuses a grid without blocks."""
    Kernels(code=None, functions={}).launch("decode", blocks, (), stream=0)  # type: ignore[arg-type]


def test_kernels_that_do_not_compile_are_told_with_the_backend_that_draws_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(source: Source, device: int) -> Kernels:
        raise KernelError("the CUDA kernels do not compile here")

    monkeypatch.setattr(cuda_kernels, "load_program", fail)
    with pytest.raises(KernelError, match="do not compile here; until that is mended, backend='reference' draws"):
        cuda_kernels.load_kernels(Variant(1, 0, False), 0)
