import io

import numpy as np
import pytest
from PIL import Image

from benchmarks.photographs.drawing import draw_photograph
from benchmarks.photographs.framing import aimed_at_middle, random_frame, shows_head_alone, slopes
from benchmarks.photographs.truth import Truth
from gghead.geometry.canonical_cameras import posed_label
from gghead.synthetic.people.procedural_heads import ProceduralHeads


@pytest.fixture(scope="module")
def maker() -> ProceduralHeads:
    return ProceduralHeads(64)


@pytest.mark.slow
def test_a_photograph_shows_what_its_truth_says(maker: ProceduralHeads) -> None:
    background = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    photograph = draw_photograph(maker, "procedural", 3, 1, [background], (640, 700))
    truth = Truth.from_json(photograph.truth.to_json())
    with Image.open(io.BytesIO(photograph.jpeg)) as picture:
        assert picture.size == (truth.width, truth.height) == photograph.mask.shape[::-1]
    np.testing.assert_allclose(np.linalg.norm(truth.cam2world[:3, 3]), 2.7, atol=1e-5)
    # The camera sees the points in space where the photograph has them, to a hundredth of a pixel.
    seen = (truth.landmarks_3d - truth.cam2world[:3, 3]) @ truth.cam2world[:3, :3] @ truth.K.T
    np.testing.assert_allclose(seen[:, :2] / seen[:, 2:], truth.landmarks, atol=0.01)
    assert truth.visible.sum() > 20
    columns, rows = truth.landmarks[truth.visible].astype(int).T
    assert (photograph.mask[rows, columns] > 127).all()
    again = draw_photograph(maker, "procedural", 3, 1, [background], (640, 700))
    assert again.jpeg == photograph.jpeg
    assert np.array_equal(again.mask, photograph.mask)


@pytest.mark.slow
def test_a_frame_holds_the_head_and_leaves_out_where_the_body_ends(maker: ProceduralHeads) -> None:
    scene = maker.draw(np.random.default_rng(1)).scene
    for number in range(20):
        rng = np.random.default_rng(number)
        cam2world = posed_label(rng.uniform(-1, 1), rng.uniform(-0.2, 0.4))[:16].reshape(4, 4).astype(np.float64)
        frame = random_frame(rng, scene, cam2world, (300, 1200))
        assert frame is not None
        assert shows_head_alone(frame, cam2world, scene)
        # Turned to the photograph's middle, the camera sees what was on its axis in the old place.
        uncut, turned = aimed_at_middle(frame, cam2world)
        ahead = cam2world[:3, 3] + 2.7 * cam2world[:3, 2]
        place = slopes(ahead[None], turned)[0] * uncut.focal + np.array(uncut.principal)
        np.testing.assert_allclose(place, frame.principal, atol=1e-3)
        np.testing.assert_allclose(turned[:3, :3] @ turned[:3, :3].T, np.eye(3), atol=1e-6)
