"""The same seed on another processor: arithmetic of other widths must not make other people or other cameras."""

import os
import platform
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from gghead.media.encoded import decode_picture
from gghead.synthetic import Sitting, generate
from tolerances import OTHER_PROCESSOR

SITTING = Sitting(resolution=64, seed=3, views=2)
COUNT = 3
PROGRAM = f"""
from pathlib import Path
from gghead.synthetic import Sitting, generate
from gghead.synthetic.render.cameras import Optics
generate(Path("heads.zip"), {COUNT}, {SITTING}, workers=1)
"""


@pytest.mark.slow
@pytest.mark.skipif(platform.machine() != "x86_64", reason="switches off what x86-64 processors have and others lack")
def test_an_old_processor_draws_the_same_people(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    generate(tmp_path / "here" / "heads.zip", COUNT, SITTING, workers=1)
    old = {
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": "",
        "NUMBA_CACHE_DIR": str(tmp_path / "numba"),
        "NPY_DISABLE_CPU_FEATURES": " ".join(np.show_config("dicts")["SIMD Extensions"].get("found", [])),
        "OPENBLAS_CORETYPE": "Prescott",
    }
    subprocess.run([sys.executable, "-c", PROGRAM], cwd=tmp_path, env={**os.environ, **old}, check=True)
    with np.load(tmp_path / "here" / "heads_truth.npz") as ours, np.load(tmp_path / "heads_truth.npz") as theirs:
        for name in ours.files:
            if ours[name].dtype.kind == "f":
                np.testing.assert_allclose(theirs[name], ours[name], atol=OTHER_PROCESSOR.truth, err_msg=name)
            else:
                assert np.array_equal(theirs[name], ours[name]), name
    with zipfile.ZipFile(tmp_path / "here" / "heads.zip") as ours, zipfile.ZipFile(tmp_path / "heads.zip") as theirs:
        assert ours.read("dataset.json") == theirs.read("dataset.json")
        for name in ours.namelist():
            if name.endswith(".png"):
                apart = np.abs(
                    decode_picture(ours.read(name)).rgb.astype(int) - decode_picture(theirs.read(name)).rgb
                ).max(2)
                assert (apart > 0).mean() < OTHER_PROCESSOR.pixels, name
