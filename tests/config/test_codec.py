"""The JSON codec: round trips, and every way in which a file can be wrong."""

import json
from dataclasses import replace

import pytest

from gghead.config.codec import from_json, to_json
from gghead.config.model import DiscriminatorConfig, GeneratorConfig
from gghead.config.presets import PRESETS, from_preset, with_batch_size, with_settings
from gghead.config.training import RunConfig, TrainingConfig


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("template", [None, "head.obj"])
def test_presets_round_trip(name: str, template: str | None) -> None:
    config = from_preset(name, "data.zip", template)
    assert from_json(RunConfig, to_json(config)) == config


def changed(**changes: object) -> str:
    data = json.loads(to_json(from_preset("demo", "data.zip")))
    data["training"] |= changes
    return json.dumps({key: value for key, value in data.items() if value != "absent"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no valid JSON"),
        ("[]", "expected an object"),
        (changed(batchsize=3), "unknown field 'batchsize'; perhaps you meant batch_size"),
        (changed(batch_size="16"), r"training\.batch_size is '16'; expected an integer"),
        (changed(batch_size=True), "expected an integer"),
        (changed(r1_gamma=None), "expected a number"),
        (changed(mirrored="yes"), "mirrored is 'yes'; expected true or false"),
        (changed(seed=-1), "seed is -1; expected a whole number from 0"),
        ('{"preset": "demo"}', "lacks data; it was written by another version"),
    ],
)
def test_wrong_files_are_refused_by_field(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_json(RunConfig, text)


def test_a_run_from_before_a_setting_has_its_default() -> None:
    config = replace(from_preset("demo", "data.zip"), training=TrainingConfig(seed=4))
    data = json.loads(to_json(config))
    del data["training"]["milestone_every"], data["template"]
    assert from_json(RunConfig, json.dumps(data)) == config


def test_retired_settings_are_read_over_and_not_to_be_set() -> None:
    config = from_preset("demo", "data.zip")
    assert from_json(RunConfig, changed(loss="relativistic", r2_gamma=0.5)) == config
    assert with_settings(config.training, {"loss": "logistic", "r2_gamma": "0"}) == config.training
    with pytest.raises(ValueError, match=r"r2_gamma is 0\.5, a setting that this version no longer has: .*experiments"):
        with_settings(config.training, {"r2_gamma": "0.5"})


@pytest.mark.parametrize(
    "make",
    [
        lambda: GeneratorConfig(map_resolution=100),
        lambda: GeneratorConfig(sh_degree=4),
        lambda: GeneratorConfig(grid_size=1),
        lambda: DiscriminatorConfig(resolution=48),
        lambda: TrainingConfig(batch_size=0),
        lambda: TrainingConfig(snapshot_every=33),
        lambda: TrainingConfig(swap_probability=2),
    ],
)
def test_impossible_values_are_refused(make: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        make()


def test_whole_numbers_are_fine_where_fractions_are_expected() -> None:
    config = from_preset("demo", "data.zip")
    text = to_json(config).replace('"r1_gamma": 0.1', '"r1_gamma": 1')
    assert from_json(RunConfig, text) == replace(config, training=replace(config.training, r1_gamma=1.0))


def test_official_presets_are_the_published_numbers() -> None:
    official = ("ffhq256", "ffhq512", "ffhq1024", "afhq512")
    stages = {name: (PRESETS[name].model, PRESETS[name].training) for name in official}
    assert {name: model.discriminator.resolution for name, (model, _) in stages.items()} == {
        "ffhq256": 256,
        "ffhq512": 512,
        "ffhq1024": 1024,
        "afhq512": 512,
    }
    assert [model.generator.grid_size for model, _ in stages.values()] == [256, 512, 512, 512]
    assert [t.total_images for _, t in stages.values()] == [6_400_000, 25_000_000, 27_000_000, 30_000_000]
    assert [t.uv_variation_weight for _, t in stages.values()] == [0, 100, 100, 100]
    assert [t.beta_weight for _, t in stages.values()] == [0, 1, 1, 1]
    assert [PRESETS[name].begins_with for name in official] == [None, "ffhq256", "ffhq512", "ffhq512"]
    for model, training in stages.values():
        assert (model.generator.map_channels, model.generator.map_resolution) == (22, 256)
        assert (training.batch_size, training.r1_gamma, training.r1_every) == (32, 1, 16)
        assert (training.generator_lr, training.discriminator_lr) == (2.5e-3, 2e-3)
        assert (training.position_weight, training.scale_weight) == (0.1, 0.05)
        assert (training.ema_half_life, training.blur_fade_images, training.growth_fade_images) == (
            10**4,
            2 * 10**5,
            10**6,
        )
        assert (training.log_every, training.metrics_every, training.snapshot_every) == (4_000, 200_000, 200_000)


def test_another_batch_size_keeps_the_pace_of_average_and_blur() -> None:
    training = with_batch_size(TrainingConfig(), 16)
    assert (training.batch_size, training.ema_half_life, training.blur_fade_images) == (16, 5_000, 100_000)
    assert with_batch_size(TrainingConfig(), 32) == TrainingConfig()
    assert with_batch_size(TrainingConfig(), 96).snapshot_every == 2_083 * 96


def test_unknown_preset() -> None:
    with pytest.raises(ValueError, match="there is no preset 'ffhq128'; known are demo, heads64, heads128"):
        from_preset("ffhq128", "data.zip")


def test_a_generator_learns_from_pictures_that_the_discriminator_judges() -> None:
    model = PRESETS["demo"].model
    with pytest.raises(ValueError, match=r"picture_resolution is 128 .* with supersampling"):
        replace(model, generator=replace(model.generator, picture_resolution=128))


@pytest.mark.parametrize("name", PRESETS)
def test_a_batch_size_brings_the_same_by_either_way(name: str) -> None:
    training = PRESETS[name].training
    other = 2 * training.batch_size
    assert with_settings(training, {"batch_size": str(other)}) == with_batch_size(training, other)
    chosen = with_settings(training, {"blur_fade_images": "7", "batch_size": str(other)})
    assert chosen == replace(with_batch_size(training, other), blur_fade_images=7)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"batch_size": "0"}, "batch_size is 0; expected a value from 1"),
        ({"batch_size": "-4"}, "batch_size is -4"),
        ({"batch_size": "true"}, "batch_size is True; expected an integer"),
        ({"batch_size": "8.5"}, "batch_size is 8.5; expected an integer"),
        ({"batch_size": "many"}, "batch_size is 'many'"),
        ({"batch_size": "1" + "0" * 30}, "expected a value from 1"),
        ({"r1_gamma": "nan"}, "r1_gamma is 'nan'; expected a number"),
        ({"r1_gamma": "1e999"}, "r1_gamma is '1e999'; expected a number"),
        ({"r1_gamma": "[" * 100_000}, "r1_gamma is"),
        ({"mirrored": "yes"}, "expected true or false"),
        ({"batchsize": "8"}, "perhaps you meant batch_size"),
        ({"": "8"}, "unknown field"),
    ],
)
def test_settings_that_are_none_are_refused_by_name(settings: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        with_settings(TrainingConfig(), settings)
