"""Imported official checkpoints: their own pictures, inverted, are these pictures again."""

import pytest
import torch

from gghead.geometry.cameras import Cameras
from gghead.inference.observation import as_learned
from gghead.inversion.inversion import begin, person_of, run
from gghead.inversion.targets import Picture
from gghead.media.images import to_uint8
from model.official.official_import import read_official
from official_fixture import official_file
from tolerances import OFFICIAL_INVERSION


@pytest.mark.slow
@pytest.mark.parametrize(("name", "side"), [("official_a.pkl", 128), ("official_c.pkl", 64)])
def test_its_own_picture_is_found_again(name: str, side: int) -> None:
    generator = read_official(official_file(name)).generator_ema.requires_grad_(False).eval()
    camera = Cameras.frontal(resolution=side)
    seen = as_learned(generator.config).render(generator.sample([1])[0], camera, background=0.0)
    image = to_uint8(torch.where(seen.alpha > 0, seen.rgb / seen.alpha, 0))[0]
    alpha = seen.alpha[0, ..., 0].numpy()
    picture = Picture(image, alpha, Cameras.from_labels(camera.labels()[0], side))
    fitting = begin([picture], generator, "best", 0)
    run(fitting, "best")
    person = person_of(fitting, ["its own"], "official")
    drawn = as_learned(generator.config).render(person.decode(generator)[0], person.cameras(side), background=0.0)
    # On white, as the release draws: on a darker colour what is brighter than white and half transparent is unknown.
    found, wanted = (rgb + 1 - alpha for rgb, alpha in ((drawn.rgb, drawn.alpha), (seen.rgb, seen.alpha)))
    assert -10 * (found.clamp(0, 1) - wanted.clamp(0, 1)).square().mean().log10() > OFFICIAL_INVERSION
