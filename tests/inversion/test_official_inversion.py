"""An imported official checkpoint: its own picture, inverted, is that picture again."""

import pytest
import torch

from gghead.geometry.cameras import Cameras
from gghead.inference.observation import as_learned
from gghead.inversion.fitting import Stage
from gghead.inversion.inversion import begin, person_of, run
from gghead.inversion.qualities import QUALITIES
from gghead.inversion.targets import Picture
from gghead.media.images import to_uint8
from model.official.official_import import read_official
from official_fixture import official_file
from tolerances import OFFICIAL_INVERSION

SIDE = 64
"""Of the pictures that it learned from."""


@pytest.mark.slow
def test_its_own_picture_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(QUALITIES, "fast", (Stage(100, details=False), Stage(120, details=True)))
    generator = read_official(official_file("official_c.pkl")).generator_ema.requires_grad_(False).eval()
    camera = Cameras.frontal(resolution=SIDE)
    with torch.no_grad():
        seen = as_learned(generator.config).render(generator.sample([1])[0], camera, background=0.0)
    image = to_uint8(torch.where(seen.alpha > 0, seen.rgb / seen.alpha, 0))[0]
    alpha = seen.alpha[0, ..., 0].numpy()
    picture = Picture(image, alpha, Cameras.from_labels(camera.labels()[0], SIDE))
    fitting = begin([picture], generator, "fast", 0)
    run(fitting, "fast")
    person = person_of(fitting, ["its own"], "official")
    drawn = as_learned(generator.config).render(person.decode(generator)[0], person.cameras(SIDE), background=0.0)
    found = drawn.rgb[0] + (1 - drawn.alpha[0]) * fitting.targets.backgrounds[0, 0]
    wanted = fitting.targets.over([0], fitting.targets.backgrounds[:, 0])[0]
    assert -10 * (found.clamp(0, 1) - wanted).square().mean().log10() > OFFICIAL_INVERSION
