"""What pictures say: nothing beyond the photograph or below FFHQ's square, and as much of a head whatever the crop."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gghead.geometry.cameras import Cameras
from gghead.geometry.canonical_head import FFHQ_FOCAL
from gghead.inversion.fitting import Fitting
from gghead.inversion.inversion import begin
from gghead.inversion.targets import Picture, Targets, archive_names, read_archive
from gghead.model.generator import Generator
from tiny_run import write_tiny_dataset
from tolerances import EXACT_FLOAT32

SIDE = 16


def targets(*pictures: Picture) -> Targets:
    return Targets.of(pictures, SIDE, 2, 0, torch.device("cpu"))


def wide(picture: Picture) -> Picture:
    """A picture as a camera would take it that sees twice as far to each side."""
    Ks = picture.camera.Ks.clone().reshape(3, 3)
    Ks[0, 0] = Ks[1, 1] = FFHQ_FOCAL / 2 * SIDE
    return replace(picture, camera=Cameras(picture.camera.viewmats, Ks, SIDE, SIDE))


def test_nothing_is_compared_beyond_the_photograph(generator: Generator, pictures: list[Picture]) -> None:
    inside = np.ones((SIDE, SIDE), bool)
    inside[:, :7] = False
    cut = replace(pictures[0], inside=inside)
    repainted = replace(cut, image=np.where(inside[..., None], cut.image, 255 - cut.image))
    first, second = targets(cut), targets(repainted)
    assert torch.equal(first.pixels, second.pixels)
    assert torch.equal(first.backgrounds, second.backgrounds)
    seen, partly = (Fitting(generator, one, None) for one in (targets(pictures[0]), first))
    maps = seen.base_maps().detach()
    assert (partly.visibility(maps) > 0).sum() < (seen.visibility(maps) > 0).sum()


def test_the_middle_of_a_wide_crop_is_what_ffhqs_camera_sees(pictures: list[Picture]) -> None:
    found = targets(pictures[0], wide(pictures[0]))
    torch.testing.assert_close(found.areas, torch.tensor([1.0, 4.0]), **EXACT_FLOAT32._asdict())
    assert torch.equal(found.ffhq_square(0)[0], found.pixels[0])
    assert torch.equal(found.ffhq_square(1)[0], found.pixels[1, 4:12, 4:12])
    assert found.inside[0].all()
    assert found.inside[1, :12].all()
    assert not found.inside[1, 12:].any(), "clothes"


@pytest.mark.parametrize(("side", "expected"), [(64, 32), (24, 24)])
def test_a_wide_crop_is_fitted_to_as_finely_as_the_model_learned(
    side: int, expected: int, generator: Generator, pictures: list[Picture], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gghead.inversion.inversion.fitted_side", lambda generator: SIDE)
    image = np.full((side, side, 3), 90, np.uint8)
    camera = wide(pictures[0]).camera
    enlarged = Cameras.from_labels(camera.labels().reshape(-1), side)
    fitting = begin([Picture(image, np.ones((side, side), np.float32), enlarged)], generator, "fast", 0)
    assert fitting.targets.cameras.width == expected


def test_a_camera_that_looks_away_from_the_head_is_refused(tmp_path: Path) -> None:
    archive = write_tiny_dataset(tmp_path / "anna.zip", count=2, resolution=SIDE)
    names = archive_names(archive, [], SIDE)
    with zipfile.ZipFile(archive) as read:
        files = {name: read.read(name) for name in read.namelist()}
    labels = json.loads(files["dataset.json"])["labels"]
    for axis in (3, 7, 11):
        labels[1][1][axis] *= -1
    with zipfile.ZipFile(archive, "w") as written:
        for name, content in (files | {"dataset.json": json.dumps({"labels": labels}).encode()}).items():
            written.writestr(name, content)
    with pytest.raises(ValueError, match=rf"the camera of {names[1]} in .* does not see the origin"):
        read_archive(archive, names, SIDE)
    assert len(read_archive(archive, names[:1], SIDE)) == 1
