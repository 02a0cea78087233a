"""A photograph becomes a person in memory, or a sentence that needs no knowledge of commands."""

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gghead.inference.loading import load
from gghead.photos import Photo, PhotoSettings, Reason, Refused
from gghead.viewer.heads_service import HeadsService
from gghead.viewer.photographs import fitter as fitter_module
from gghead.viewer.photographs.comparison import Comparison
from gghead.viewer.photographs.fitter import FitProgress, PhotographFitter, Upload, plain_words
from gghead.viewer.photographs.turns import Stopped
from gghead.viewer.state import HeadChoice, Look, Viewpoint
from gghead.viewer.viewpoints import viewpoint_of
from viewer.photographs.conftest import PORTRAIT, SIDE, files_in
from viewer.test_client_session import PATIENCE

Prepares = Callable[[Callable[[], Photo]], None]
UPLOAD = Upload("C:/pictures/ann\x1b.jpg", PORTRAIT)


def never() -> bool:
    return False


def ignore(progress: FitProgress) -> None:
    assert 0 <= progress.share <= 1


@pytest.mark.slow
def test_a_photograph_becomes_seed_0_of_the_model_for_who_knows_the_path(
    prepares: Prepares, service: HeadsService, model_file: Path, empty: Path
) -> None:
    told: list[FitProgress] = []
    fitted = PhotographFitter("cpu").fit(model_file, UPLOAD, "fast", told.append, never)
    assert [progress.share for progress in told] == [0, 0, *(step / 8 for step in range(1, 9))]
    assert told[2].comparison is not None, "something is seen from the first step on"
    assert fitted.comparison.head.shape == (SIDE, SIDE, 3)
    assert fitted.person.model == model_file.name
    assert fitted.person.pictures[0].isprintable()
    own = service.add_person(model_file, fitted.person)
    assert not own.exists()
    head, other, seed_1 = (
        service.head(path, choice, Viewpoint())
        for path, choice in ((own, HeadChoice()), (model_file, HeadChoice()), (own, HeadChoice(seed=1)))
    )
    assert torch.equal(head.gaussians.sh, fitted.person.decode(load(model_file))[0].sh)
    assert not torch.equal(head.gaussians.sh, other.gaussians.sh)
    model_1 = service.head(model_file, HeadChoice(seed=1), Viewpoint())
    assert torch.equal(seed_1.gaussians.sh, model_1.gaussians.sh)
    service.forget_person(own)
    with pytest.raises(FileNotFoundError):
        service.head(own, HeadChoice(), Viewpoint())
    assert not files_in(empty)


def test_a_person_of_another_model_is_not_taken_in(prepares: Prepares, service: HeadsService, model_file: Path) -> None:
    person = PhotographFitter("cpu").fit(model_file, UPLOAD, "fast", ignore, never).person
    with pytest.raises(ValueError, match="fitted with another model"):
        service.add_person(model_file, replace(person, model_hash="0"))


def test_the_answer_of_an_encoder_needs_one(prepares: Prepares, model_file: Path) -> None:
    with pytest.raises(ValueError, match="there is no encoder for this model"):
        PhotographFitter("cpu").fit(model_file, UPLOAD, "encoder", ignore, never)


def test_it_stops_between_steps(prepares: Prepares, model_file: Path) -> None:
    told: list[FitProgress] = []
    with pytest.raises(Stopped):
        PhotographFitter("cpu").fit(model_file, UPLOAD, "fast", told.append, lambda: len(told) == 5)
    assert told[-1].text == "step 3 of 8"


def test_one_at_a_time_and_the_next_is_told(prepares: Prepares, model_file: Path) -> None:
    fitter, told = PhotographFitter("cpu"), []
    waits, ended = threading.Event(), threading.Event()

    def tell(progress: FitProgress) -> None:
        told.append(progress.text)
        waits.set()

    def fit() -> None:
        fitter.fit(model_file, UPLOAD, "fast", tell, never)
        ended.set()

    def first(progress: FitProgress) -> None:
        if progress.text == "step 1 of 8":
            threading.Thread(target=fit, daemon=True).start()
            assert waits.wait(PATIENCE)
            assert told == ["one photograph is before yours"]

    fitter.fit(model_file, UPLOAD, "fast", first, never)
    assert ended.wait(PATIENCE)
    assert told[1] == "looking for the face"


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"GIF89a", "no picture of a known kind"), (PORTRAIT[:40], "can't be read"), (b"", "the file is empty")],
)
def test_files_that_are_no_photographs(prepares: Prepares, model_file: Path, content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        PhotographFitter("cpu").fit(model_file, Upload("a.jpg", content), "fast", ignore, never)


def test_pixels_are_counted_before_they_are_decoded(
    prepares: Prepares, model_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fitter_module, "MAX_PIXELS", SIDE * SIDE - 1)
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda picture: pytest.fail("it is decoded"))
    with pytest.raises(ValueError, match="declares 16 x 16 pixels"):
        PhotographFitter("cpu").fit(model_file, UPLOAD, "fast", ignore, never)


@pytest.mark.parametrize("reason", list(Reason))
def test_refusals_name_no_options(reason: Reason, prepares: Prepares, model_file: Path) -> None:
    def refuse() -> Photo:
        raise Refused(reason, "2 faces are in it; cut one out, or take all (gghead data photos --faces all)")

    prepares(refuse)
    with pytest.raises(ValueError, match=r"2 faces are in it; [a-z]") as refused:
        PhotographFitter("cpu").fit(model_file, UPLOAD, "fast", ignore, never)
    assert "--" not in str(refused.value)


def test_real_refusals_are_sentences() -> None:
    from face_models import face_models
    from gghead.photos.head_finder import HeadFinder

    (refused,) = HeadFinder(PhotoSettings(), face_models())(np.full((300, 300, 3), 128, np.uint8))
    assert plain_words(refused) == "no face is found; expected a person who is seen from the front or side"


def test_missing_face_models_are_an_objection(tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")
    assert "there are no face models in" in PhotographFitter("cpu", tmp_path).objection()


def test_the_slider_divides_the_picture() -> None:
    comparison = Comparison(np.full((8, 8, 3), 10, np.uint8), np.full((8, 8, 3), 20, np.uint8))
    assert comparison.split(0.5)[0, :, 0].tolist() == [10] * 4 + [255] + [20] * 3
    assert np.array_equal(comparison.split(0.0), comparison.head)
    for all_of_it in (1.0, float("inf")):
        assert np.array_equal(comparison.split(all_of_it), comparison.photograph)


def test_the_camera_of_a_photograph_sees_what_the_photograph_shows(
    prepares: Prepares, service: HeadsService, model_file: Path
) -> None:
    fitted = PhotographFitter("cpu").fit(model_file, UPLOAD, "fast", ignore, never)
    viewpoint = viewpoint_of(fitted.person.labels[0])
    own = service.add_person(model_file, fitted.person)
    head = service.head(own, HeadChoice(), viewpoint)
    background = tuple(int(value) for value in fitted.comparison.head[0, 0])
    seen = service.picture(head, Look(side=SIDE, background=background), viewpoint, SIDE, SIDE)
    service.forget_person(own)
    difference = np.abs(seen.astype(int) - fitted.comparison.head)
    assert difference.mean() < 6
    assert difference.mean() < np.abs(fitted.comparison.head.astype(int) - background).mean() / 4
