"""The mean of models: each weight between theirs, and models of another configuration are refused."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gghead.model.generator import build_generator
from gghead.model.storage import load_generator, save_generator
from studies import mean_of_models
from tiny_run import MODEL
from tolerances import HALF_WEIGHTS


@pytest.mark.parametrize(("weights", "share"), [([], 0.5), (["--weights", "1", "3"], 0.75)])
def test_weights_lie_between_those_of_two_models(
    weights: list[str], share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = [build_generator(MODEL.generator, seed=seed) for seed in (0, 1)]
    paths = [tmp_path / f"{number}.safetensors" for number in range(2)]
    for path, model in zip(paths, models, strict=True):
        save_generator(path, model)
    out = tmp_path / "mean.safetensors"
    monkeypatch.setattr("sys.argv", ["mean_of_models", *map(str, paths), *weights, "--out", str(out)])
    mean_of_models.main()
    first, second, mean = (model.state_dict() for model in (*models, load_generator(out)))
    for name, tensor in mean.items():
        torch.testing.assert_close(tensor, first[name].lerp(second[name], share), **HALF_WEIGHTS._asdict())


@pytest.mark.parametrize(
    ("weights", "told"),
    [
        (["1"], "for 2 models; expected one for each"),
        (["inf", "1"], "shares of 0 or more"),
        (["0", "0"], "one above 0"),
    ],
)
def test_weights_are_shares_one_for_each_model(
    weights: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "mean")
    monkeypatch.setattr("sys.argv", ["mean_of_models", "a", "b", "--weights", *weights, "--out", out])
    with pytest.raises(SystemExit):
        mean_of_models.main()
    assert told in capsys.readouterr().err


def test_models_of_two_configurations_have_no_mean(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, bound in (("a", -1.5), ("b", -2.0)):
        model = build_generator(replace(MODEL.generator, max_log_scale=bound), seed=0)
        save_generator(tmp_path / f"{name}.safetensors", model)
    paths = [str(tmp_path / f"{name}.safetensors") for name in "ab"]
    monkeypatch.setattr("sys.argv", ["mean_of_models", *paths, "--out", str(tmp_path / "mean.safetensors")])
    with pytest.raises(SystemExit):
        mean_of_models.main()
    assert "of another configuration or template" in capsys.readouterr().err
    assert not (tmp_path / "mean.safetensors").exists()
