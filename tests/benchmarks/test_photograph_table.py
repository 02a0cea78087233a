import math
from dataclasses import replace

import pytest

from benchmarks.photographs.scores import CameraScore, MaskScore
from benchmarks.photographs.table import Score, markdown, tabulate

CAMERA = CameraScore(1.0, 0.5, -0.25, 0.01, 0.0, 0.01, -0.02, 0.015)
FOUND = Score(0, 10.0, 0.0, refused=None, others=0, camera=CAMERA, mask=MaskScore(0.98, 0.1, 0.01), floor=0.012)
MISSED = Score(1, -50.0, 0.0, refused="no face", others=0, camera=None, mask=None, floor=None)


def test_means_are_over_the_faces_that_were_found_and_shares_over_all() -> None:
    other = replace(FOUND, yaw=50.0, camera=replace(CAMERA, rotation=3.0, yaw=-0.5, scale=0.04, reprojection=math.nan))
    table = tabulate([FOUND, MISSED, other])
    assert (table.photographs, table.found_near, table.found_far) == (3, 1.0, 0.5)
    assert math.isnan(table.found_beyond)
    assert table.refused == {"no face": 1}
    assert table.kept == pytest.approx(2 / 3)
    cut = tabulate([FOUND, replace(MISSED, yaw=10.0, refused="cut by the frame")])
    assert (cut.found_near, cut.kept) == (1.0, 0.5), "its face was found"
    assert (table.rotation_median, table.yaw_bias, table.yaw_sd) == (2.0, 0.0, 0.5)
    assert (table.scale, table.scale_bias) == pytest.approx((0.03, 0.01))
    assert table.reprojection == 0.015, "a face without a visible landmark says nothing"
    assert [(row.start, row.found) for row in table.by_yaw] == [(-60, 0.0), (0, 1.0), (45, 1.0)]


def test_a_set_in_which_nothing_was_found_has_a_table() -> None:
    table = tabulate([MISSED])
    assert table.found_far == 0
    assert math.isnan(table.iou)
    assert "| rotation error, degrees: median / mean | nan / nan |" in markdown({"textured": table})
