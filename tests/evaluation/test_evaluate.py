"""An evaluation as a whole: repeatable, resumable, shared among processes, honest about what it left out."""

import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gghead.evaluation import features
from gghead.evaluation.evaluate import EvaluationSettings, conditions_of, evaluate
from gghead.evaluation.features import collect_features
from gghead.evaluation.models import candidate_of
from gghead.evaluation.real_statistics import (
    RealStatistics,
    common_resolution,
    measure_real_statistics,
    stored_resolution,
)
from gghead.evaluation.report import Measure, is_evaluated, keep_report
from gghead.evaluation.session import table
from gghead.geometry.cameras import Cameras
from gghead.inference.generated import GeneratedHeads, SamplingProtocol
from gghead.metrics.detectors import Detector
from gghead.model.generator import Generator
from gghead.model.storage import save_generator
from gghead.processes.group import ProcessGroup
from gghead.rasterizer import render
from gghead.runs.places import BUNDLED_MODEL
from tiny_run import RESOLUTION
from tolerances import MACHINES_AGREE, ROUNDED

SETTINGS = EvaluationSettings(num_images=20, suite="3d")
COMMAND = "from gghead.cli.main import main; main()"


def labels(reference: RealStatistics) -> torch.Tensor:
    return torch.from_numpy(reference.dataset.labels)


def values(measures: tuple[Measure, ...]) -> dict[str, float]:
    return {measure.name: measure.value for measure in measures}


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "PART", 6)
    monkeypatch.setitem(features.AT_ONCE, "cpu", 4)


@pytest.mark.slow
def test_a_report_holds_what_repeats_it(generator: Generator, reference: RealStatistics, tmp_path: Path) -> None:
    before = torch.get_rng_state()
    report = evaluate(generator, Path("m.safetensors"), reference, SETTINGS, tmp_path).report
    assert torch.equal(before, torch.get_rng_state()), "the random state of torch is left alone"
    found = values(report.measures)
    assert {"Frechet distance (coarse) 20", "Frechet distance (coarse)_3D 20", "precision", "recall"} <= found.keys()
    assert {"kernel distance (coarse)", "reprojection PSNR, mapping frozen", "silhouette area gap"} <= found.keys()
    assert not any("FID" in name or "KID" in name for name in found), "only the official detector gives these"
    stated = report.conditions
    assert (stated.data_pictures, stated.resolution, stated.resize_filter) == (30, RESOLUTION, "none")
    assert stated.masks == "blobs_masks_modnet.zip"
    assert len(stated.model_sha256) == len(stated.detector_sha256) == 64
    assert not list(tmp_path.rglob("*.safetensors")), "parts are gone when they are not needed"
    again = evaluate(generator, Path("m.safetensors"), reference, SETTINGS, tmp_path).report
    for name, value in values(again.measures).items():
        assert value == pytest.approx(found[name], rel=MACHINES_AGREE, nan_ok=True), name
    other = evaluate(generator, Path("m"), reference, replace(SETTINGS, seed=1), tmp_path).report
    assert values(other.measures)["Frechet distance (coarse) 20"] != found["Frechet distance (coarse) 20"]
    assert "lower is better" in table(report)


def test_few_real_pictures_are_used_whole_and_said(
    generator: Generator, reference: RealStatistics, tmp_path: Path
) -> None:
    settings = EvaluationSettings(num_images=40)
    report = evaluate(generator, Path("m"), reference, settings, tmp_path).report
    assert any("have 30 pictures, fewer than the 40 generated: used whole" in remark for remark in report.remarks)


def test_broken_heads_are_named_and_not_averaged_in(
    generator: Generator, reference: RealStatistics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = evaluate(generator, Path("m"), reference, EvaluationSettings(num_images=20), tmp_path).report
    decode = type(generator).decode

    def broken(self: Generator, styles: torch.Tensor, *rest: object) -> object:
        heads = decode(self, styles, *rest)
        sick = (styles[:, 0, 0] > 0.8)[:, None, None]
        return replace(heads, means=torch.where(sick, torch.nan, heads.means))

    monkeypatch.setattr(type(generator), "decode", broken)
    report = evaluate(generator, Path("m"), reference, EvaluationSettings(num_images=20), tmp_path).report
    assert 0 < len(report.unusable) < 20
    assert all(name.startswith("generated picture ") for name in report.unusable)
    assert any("were left out" in remark for remark in report.remarks)
    distance = report.measures[0].value
    assert math.isfinite(distance)
    assert distance != whole.measures[0].value


def test_a_model_that_learned_from_averages_of_larger_pictures_is_drawn_so(
    generator: Generator, reference: RealStatistics
) -> None:
    generator.config = replace(generator.config, supersampling=2)
    fakes = GeneratedHeads(generator, labels(reference), SamplingProtocol(seed=0, resolution=RESOLUTION))
    cameras = Cameras.from_labels(fakes.labels(range(2)), 2 * RESOLUTION)
    larger = render(fakes.heads(range(2)), cameras, background=1.0, pairwise=True).rgb
    averaged = larger.unfold(1, 2, 2).unfold(2, 2, 2).mean((-2, -1)).permute(0, 3, 1, 2) * 255
    assert (fakes.draw(range(2)).pixels - averaged.clamp(0, 255)).abs().max() < ROUNDED


def test_a_model_of_nothing_but_nan_is_refused(generator: Generator, reference: RealStatistics, tmp_path: Path) -> None:
    generator.position_bias.fill_(torch.nan)
    with pytest.raises(ValueError, match="every generated picture"):
        evaluate(generator, Path("m"), reference, SETTINGS, tmp_path)


@pytest.mark.usefixtures("small_parts")
def test_an_interrupted_evaluation_goes_on(
    generator: Generator, reference: RealStatistics, detector: Detector, tmp_path: Path
) -> None:
    fakes = GeneratedHeads(generator, labels(reference), SamplingProtocol(seed=0, resolution=RESOLUTION))
    calls: list[int] = []

    def stops_in_the_third_part(pictures: torch.Tensor) -> torch.Tensor:
        calls.append(len(pictures))
        if sum(calls) > 14:
            raise KeyboardInterrupt
        return detector.features(pictures)

    with pytest.raises(KeyboardInterrupt):
        collect_features(fakes, 20, replace(detector, features=stops_in_the_third_part), tmp_path)
    assert len(list(tmp_path.glob("*.safetensors"))) == 2
    seen: list[int] = []

    def counts(pictures: torch.Tensor) -> torch.Tensor:
        seen.append(len(pictures))
        return detector.features(pictures)

    resumed = collect_features(fakes, 20, replace(detector, features=counts), tmp_path)
    assert sum(seen) == 8, "two parts of six were there already"
    whole = collect_features(fakes, 20, detector, tmp_path / "whole")
    assert torch.equal(resumed.features, whole.features)


@pytest.mark.usefixtures("small_parts")
def test_processes_share_the_work_and_find_the_same(
    generator: Generator, reference: RealStatistics, detector: Detector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        ProcessGroup, "wait", lambda self: None
    )  # one after the other here; see the test with two processes
    fakes = GeneratedHeads(generator, labels(reference), SamplingProtocol(seed=0, resolution=RESOLUTION))
    alone = collect_features(fakes, 20, detector, tmp_path / "alone")
    with pytest.raises(FileNotFoundError):
        collect_features(fakes, 20, detector, tmp_path / "shared", group=ProcessGroup(1, 2))
    shared = collect_features(fakes, 20, detector, tmp_path / "shared", group=ProcessGroup(0, 2))
    assert torch.equal(alone.features, shared.features)
    assert torch.equal(alone.yaws, shared.yaws)


def test_a_head_does_not_depend_on_its_batch(generator: Generator, reference: RealStatistics) -> None:
    fakes = GeneratedHeads(generator, labels(reference), SamplingProtocol(seed=0, resolution=RESOLUTION))
    together, alone = fakes.draw(range(4)).pixels.int(), fakes.draw(range(2, 3)).pixels.int()
    assert (together[2:3] - alone).abs().max() <= 1
    front = GeneratedHeads(
        generator, labels(reference), SamplingProtocol(seed=0, resolution=RESOLUTION, mapping_camera="front")
    )
    assert torch.equal(front.labels(range(4)), fakes.labels(range(4))), "the same cameras"
    assert not torch.equal(front.styles(range(4)), fakes.styles(range(4)))
    assert torch.equal(front.styles(range(1)), generator.map_styles(*_front_latents(front, generator)))


def _front_latents(fakes: GeneratedHeads, generator: Generator) -> tuple[torch.Tensor, Cameras]:
    draw = fakes._rng(0, 0)
    latents = torch.from_numpy(draw.standard_normal(generator.config.z_size)).float()[None]
    return latents, Cameras.frontal(1)


def test_real_features_are_cached_by_content(
    reference: RealStatistics, detector: Detector, data: Path, tmp_path: Path
) -> None:
    def seen_again(pictures: torch.Tensor) -> torch.Tensor:
        raise AssertionError("measured twice")

    first = measure_real_statistics(data, reference.dataset, 1.0, detector, tmp_path)
    blind = replace(detector, features=seen_again)
    second = measure_real_statistics(data, reference.dataset, 1.0, blind, tmp_path)
    assert torch.equal(first.features.features, second.features.features)
    other = replace(blind, sha256="another detector")
    with pytest.raises(AssertionError, match="measured twice"):
        measure_real_statistics(data, reference.dataset, 1.0, other, tmp_path)


def test_reports_are_added_and_never_overwritten(
    generator: Generator, reference: RealStatistics, tmp_path: Path
) -> None:
    path = tmp_path / "evaluations" / "m.json"
    settings = EvaluationSettings(num_images=8)
    conditions = conditions_of(generator, reference, settings)
    assert not is_evaluated(path, conditions)
    report = evaluate(generator, Path("m"), reference, settings, path.parent).report
    keep_report(path, report)
    keep_report(path, replace(report, seconds=0.0))
    kept = json.loads(path.read_text())["evaluations"]
    assert [entry["seconds"] for entry in kept] == [report.seconds, 0.0]
    assert is_evaluated(path, conditions)
    assert not is_evaluated(path, conditions_of(generator, reference, EvaluationSettings(num_images=9)))
    path.write_text("not JSON")
    with pytest.raises(ValueError, match="nothing was overwritten"):
        keep_report(path, report)
    assert path.read_text() == "not JSON"


def test_models_have_reports_of_their_own(generator: Generator, tmp_path: Path) -> None:
    run = tmp_path / "run"
    for path in (run / "snapshots" / "000000008.safetensors", run / "model.safetensors"):
        save_generator(path, generator)
    checkpoint = run / "checkpoints" / "000000012" / "generator_ema.safetensors"
    save_generator(checkpoint, generator)
    assert candidate_of(run / "snapshots" / "000000008.safetensors").reports == run / "evaluations" / "000000008.json"
    assert candidate_of(checkpoint).reports == run / "evaluations" / "000000012.json"
    assert candidate_of(run / "model.safetensors").reports == run / "evaluations" / "model.json"
    assert candidate_of(BUNDLED_MODEL).reports == Path("evaluations") / "heads512.json", "not in the package"


def test_models_and_data_meet_at_a_common_resolution(data: Path) -> None:
    assert stored_resolution(data) == RESOLUTION
    assert common_resolution(256, 512) == 256
    assert common_resolution(512, 256) == 256
    assert common_resolution(None, 500) == 256
    assert common_resolution(None, 4096) == 1024


def test_a_model_by_itself_knows_the_size_of_its_pictures(
    generator: Generator, reference: RealStatistics, tmp_path: Path
) -> None:
    path = tmp_path / "m.safetensors"
    save_generator(path, generator)
    assert candidate_of(path).resolution is None
    settings = EvaluationSettings(num_images=4)
    remarks = evaluate(generator, path, reference, settings, tmp_path).report.remarks
    assert any("does not say how large the pictures were" in remark for remark in remarks)
    generator.config = replace(generator.config, picture_resolution=64)
    save_generator(path, generator)
    assert candidate_of(path).resolution == 64
    remarks = evaluate(generator, path, reference, settings, tmp_path).report.remarks
    assert "the model learned from pictures of 64 x 64 and was drawn at 16 x 16, as the data are" in remarks
    path.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"is no readable \.safetensors file"):
        candidate_of(path)


@pytest.mark.slow
def test_two_processes_find_what_one_finds(
    generator: Generator, data: Path, detector_file: Path, tmp_path: Path
) -> None:
    numbers = []
    program = ["--no-python", sys.executable, "-c", COMMAND]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", *program]
    for name, processes, start, options in (
        ("one", 1, program[1:], []),
        ("launched", 2, program[1:], ["--gpus", "2"]),
        ("torchrun", 2, torchrun, []),
    ):
        model = tmp_path / name / "m.safetensors"
        save_generator(model, generator)
        command = [*start, "evaluate", str(model), "--data", str(data), *options]
        command += ["--detector", str(detector_file), "--num-images", "1200", "--device", "cpu"]
        environment = {"GGHEAD_CACHE_PATH": str(tmp_path / name / "cache"), "OMP_NUM_THREADS": "1"}
        result = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        assert result.stdout.count("kept in") == 1, "by rank 0 only"
        (report,) = json.loads((model.parent / "evaluations" / "m.json").read_text())["evaluations"]
        assert report["machine"]["processes"] == processes
        numbers.append([measure["value"] for measure in report["measures"]])
    for found in numbers[1:]:
        assert found == pytest.approx(numbers[0], rel=MACHINES_AGREE)
