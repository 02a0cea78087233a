"""The head of a choice is the one that the models make."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gghead.exports.files import export
from gghead.inference.loading import load
from gghead.inversion.person import Person, generator_hash
from gghead.inversion.person_file import save_person
from gghead.viewer.heads_service import HeadsService
from gghead.viewer.library import open_library
from gghead.viewer.state import HeadChoice, Viewpoint
from gghead.viewer.viewpoints import preset
from tolerances import ONE_WAY
from viewer.tiny_models import write_model

FRONT = Viewpoint()


def means(service: HeadsService, path: Path, choice: HeadChoice, viewpoint: Viewpoint = FRONT) -> torch.Tensor:
    return service.head(path, choice, viewpoint).gaussians.sh


def test_a_seed_is_the_seed_of_sample(service: HeadsService, model_file: Path) -> None:
    expected = load(model_file).sample([5], truncation=0.4)[0].sh
    torch.testing.assert_close(means(service, model_file, HeadChoice(seed=5, truncation=0.4)), expected)


def test_the_pads_corners_are_its_seeds(service: HeadsService, model_file: Path) -> None:
    corners = HeadChoice(corners=(1, 2, 3, 4))
    for place, seed in (((0.0, 0.0), 1), ((1.0, 0.0), 2), ((0.0, 1.0), 3), ((1.0, 1.0), 4)):
        found = means(service, model_file, replace(corners, pad=place))
        torch.testing.assert_close(found, means(service, model_file, HeadChoice(seed=seed)), **ONE_WAY._asdict())


def test_all_bands_of_a_seed_are_that_seed(service: HeadsService, model_file: Path) -> None:
    mixed = means(service, model_file, HeadChoice(seed=1, coarse=2, middle=2, fine=2))
    torch.testing.assert_close(mixed, means(service, model_file, HeadChoice(seed=2)), **ONE_WAY._asdict())
    assert not torch.allclose(mixed, means(service, model_file, HeadChoice(seed=1, coarse=2)))


def test_walking_changes_the_head(service: HeadsService, model_file: Path) -> None:
    still = means(service, model_file, HeadChoice())
    assert torch.equal(still, means(service, model_file, HeadChoice(walk=(0.0, 0.0))))
    assert not torch.allclose(still, means(service, model_file, HeadChoice(walk=(2.0,))))


def test_a_following_model_sees_the_camera_and_a_frozen_one_does_not(service: HeadsService, model_file: Path) -> None:
    side = preset("profile", FRONT)
    frozen, following = HeadChoice(), HeadChoice(following=True)
    assert torch.equal(means(service, model_file, frozen), means(service, model_file, frozen, side))
    torch.testing.assert_close(means(service, model_file, following), means(service, model_file, frozen))
    assert not torch.allclose(means(service, model_file, following, side), means(service, model_file, following))


def test_models_without_a_condition_ignore_it(service: HeadsService, tmp_path: Path) -> None:
    path = write_model(tmp_path / "free.safetensors", camera_conditioned=False)
    side = preset("profile", FRONT)
    following = HeadChoice(following=True)
    assert torch.equal(means(service, path, following), means(service, path, following, side))


@pytest.mark.parametrize("name", ["head.ply", "head.spz", "head.splat", "HEAD.SPZ"])
def test_a_file_of_gaussians_is_a_head_without_a_chart(
    name: str, service: HeadsService, model_file: Path, tmp_path: Path
) -> None:
    path = tmp_path / name
    made = service.head(model_file, HeadChoice(seed=3), FRONT).gaussians
    export(path, made)
    (entry,) = open_library((path,))
    head = service.head(entry.path, HeadChoice(), FRONT)
    upright, kept = made.means[made.opacities >= 1 / 255].mean(dim=0), head.gaussians.opacities >= 1 / 255
    torch.testing.assert_close(head.gaussians.means[kept].mean(dim=0), upright, rtol=0, atol=1e-4)
    assert head.uvs is None
    assert head.mesh is None
    assert service.model(path) is None


def test_a_deleted_model_is_told_in_words(service: HeadsService, tmp_path: Path) -> None:
    path = write_model(tmp_path / "short.safetensors")
    service.head(path, HeadChoice(), FRONT)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"short\.safetensors is gone"):
        service.head(path, HeadChoice(seed=1), FRONT)


def test_a_model_that_was_written_anew_is_read_anew(service: HeadsService, tmp_path: Path) -> None:
    path = write_model(tmp_path / "new.safetensors", seed=0)
    before = means(service, path, HeadChoice())
    write_model(path, seed=1)
    assert not torch.allclose(before, means(service, path, HeadChoice()))


def test_seed_0_of_a_person_file_is_the_person(service: HeadsService, model_file: Path, tmp_path: Path) -> None:
    generator = load(model_file)
    channels, side = generator.config.map_channels, generator.config.map_resolution
    residual = torch.rand(channels, side, side, generator=torch.Generator().manual_seed(0)).half().float()
    person = Person(
        styles=generator.styles([9], truncation=1.0)[0],
        residual=residual,
        expressions=torch.zeros(1, channels, 8, 8),
        gains=torch.ones(1, 3),
        labels=torch.zeros(1, 25),
        pictures=("a.jpg",),
        model=model_file.name,
        model_hash=generator_hash(generator),
    )
    path = tmp_path / "anna.safetensors"
    save_person(path, person)
    (tmp_path / model_file.name).write_bytes(model_file.read_bytes())
    bound = ONE_WAY._asdict()
    whole, other = person.decode(generator)[0].sh, generator.sample([3], truncation=0.7)[0].sh
    torch.testing.assert_close(means(service, path, HeadChoice(truncation=0.2)), whole, **bound)
    torch.testing.assert_close(means(service, path, HeadChoice(seed=3)), other, **bound)
    pad = HeadChoice(corners=(0, 3))
    torch.testing.assert_close(means(service, path, replace(pad, pad=(0.0, 0.5))), whole, **bound)
    torch.testing.assert_close(means(service, path, replace(pad, pad=(1.0, 0.5))), other, **bound)
    assert not torch.allclose(means(service, path, HeadChoice(walk=(2.0,))), whole), "directions work on it"
    assert not torch.allclose(means(service, path, HeadChoice(coarse=3)), whole), "and so does mixing"
    (entry,) = open_library((path,))
    assert entry.snapshots() == (path,)
