"""Train a tiny model

The whole of training in seconds: synthetic people, a small GAN, a log and samples. It is far too short to learn a face.
"""

# %%
# Twelve people that do not exist, two pictures each, with cameras and masks.
import json
from dataclasses import replace
from pathlib import Path
from tempfile import mkdtemp

import torch

import gghead
from gghead.config.presets import from_preset
from gghead.data.dataset import HeadDataset
from gghead.runs.run_folder import RunFolder
from gghead.synthetic import Sitting, generate
from gghead.training.loop import train
from gghead.training.observe.telemetry import console_monitor

NEWS = ("generator", "discriminator", "real_logits", "fake_logits")

out = Path("out")
out.mkdir(exist_ok=True)
folder = Path(mkdtemp(dir=out, prefix="tiny-run-"))
data = folder / "people.zip"
generate(data, 12, Sitting(resolution=32, seed=0, views=2), workers=1)
with HeadDataset.open(data, 32) as pictures:
    people = torch.stack([torch.from_numpy(pictures.read(index)) / 255 for index in range(len(pictures))])
gghead.show(people.reshape(2, 12, 32, 32, 3))

# %%
# A run is a preset with changes: the demo's, for smaller pictures and fewer of them. The run's folder keeps the
# settings for good.
demo = from_preset("demo", str(data))
config = replace(
    demo,
    model=replace(
        demo.model,
        generator=replace(
            demo.model.generator,
            map_resolution=32,
            grid_size=48,
            channel_base=512,
            max_log_scale=-1.6,
            picture_resolution=32,
        ),
        discriminator=replace(demo.model.discriminator, resolution=32, channel_base=512),
    ),
    training=replace(demo.training, total_images=320, snapshot_every=160, log_every=80, metrics_every=0),
)
run = RunFolder.create(folder / "run", config)
with console_monitor(config.training.total_images) as monitor:
    train(run, monitor)
print(*sorted(path.relative_to(run.path).as_posix() for path in run.path.glob("*")))
print(*sorted(path.name for path in (run.path / "snapshots").iterdir()))

# %%
# The log has a line for each tick. As long as the discriminator can't tell them apart, its logits of real and generated
# pictures are near each other.
for line in run.log.read_text(encoding="utf-8").splitlines():
    tick = json.loads(line)
    print(tick["images"], *(f"{name} {tick[name]:.3f}" for name in NEWS))

# %%
# What it makes by now: the template in wild colours. Skin and hair take some thousand images; preset `demo` trains on
# 14,000.
generator = gghead.load(run.path)
heads = generator.sample(seeds=range(8), truncation=1.0)
gghead.show(gghead.draw(generator, heads, gghead.Cameras.frontal(resolution=64)).rgb.reshape(1, 8, 64, 64, 3))
