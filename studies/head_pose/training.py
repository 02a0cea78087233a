"""Trains the pose network on crops of rendered people, drawn anew for each step: mirrored, moved, relit, covered."""

import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from gghead.checkpoint.atomic import write_file
from gghead.photos.faces.pose import LUMA, MARGIN, MIRRORED
from gghead.photos.faces.pose_network import HIDDEN, SIDE, PoseNetwork
from gghead.synthetic.anatomy.landmarks import MIRRORED as MIRRORED_LANDMARKS
from studies.head_pose import crops as drawn

BATCH, RATE, WARM_UP, DECAY, CLIP = 256, 3e-3, 100, 0.02, 1.0
"""Crops of a step; AdamW's rate, which falls as a cosine, its first steps, its weight decay; norm of gradients."""
EMA, EMA_START = 0.998, 500
POSE_SCALES = (0.2, 0.1, 0.07, 0.07, 0.06, 0.04)
"""Of the errors that count alike; the loss turns from squares to lengths at 0.3 of them."""
LANDMARK_SCALE, LANDMARK_WEIGHT, BEND = 0.03, 3.0, 0.3
HELD_OUT = 12
"""One person of so many is not learned from."""


@dataclass(frozen=True)
class Crops:
    """All crops on a device: grey pictures, poses (see `PoseNetwork`), landmarks beside the middle in sides of the
    crop."""

    pictures: Float[Tensor, "N 1 S S"]
    poses: Float[Tensor, "N 6"]
    landmarks: Float[Tensor, "N 68 2"]
    held_out: Tensor
    kind: Tensor


def train(paths: list[Path], out: Path, seconds: float, seed: int, start: Path | None = None) -> None:
    """Trains for a time, prints the errors on held-out people and writes the averaged network in half precision."""
    torch.manual_seed(seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    crops = _read(paths, device)
    network, landmark_head = PoseNetwork().to(device), nn.Linear(HIDDEN, 136).to(device)
    if start is not None:
        network.load_state_dict({name: weight.float() for name, weight in load_file(start).items()})
    rate = RATE if start is None else RATE / 5
    parameters = [*network.parameters(), *landmark_head.parameters()]
    optimizer = torch.optim.AdamW(parameters, rate, weight_decay=DECAY)
    average = {name: value.clone() for name, value in network.state_dict().items()}
    learned = torch.nonzero(~crops.held_out).flatten()
    scales = torch.tensor(POSE_SCALES, device=device)
    began, step = time.monotonic(), 0
    while (done := (time.monotonic() - began) / seconds) < 1:
        optimizer.param_groups[0]["lr"] = rate * min(1, step / WARM_UP) * (0.5 + 0.5 * math.cos(math.pi * done)) + 1e-5
        rows = learned[torch.randint(len(learned), (BATCH,), device=device)]
        pictures, poses, landmarks = _augmented(crops, rows)
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            features = network.features(pictures)
            pose, seen = network.pose(features).float(), landmark_head(features).float().view_as(landmarks)
        loss = functional.smooth_l1_loss(pose / scales, poses / scales, beta=BEND)
        off = functional.smooth_l1_loss(seen / LANDMARK_SCALE, landmarks / LANDMARK_SCALE, beta=BEND)
        optimizer.zero_grad(set_to_none=True)
        (loss + LANDMARK_WEIGHT * off).backward()
        nn.utils.clip_grad_norm_(parameters, CLIP)
        optimizer.step()
        step += 1
        _follow(average, network, EMA if step > EMA_START else 0.9)
        if step % 100 == 0:
            print(f"step {step}, {done:.0%}: {loss.item():.3f}", flush=True)
    network.load_state_dict(average)
    _report(network.eval(), crops, paths)
    weights = {name: value.half().cpu().contiguous() for name, value in average.items() if value.is_floating_point()}
    write_file(out, lambda path: save_file(weights, path))


def _read(paths: list[Path], device: str) -> Crops:
    parts = []
    for path in paths:
        with np.load(path) as stored:
            parts.append({name: stored[name] for name in ("crop", "pose", "landmarks", "person")})
    crops, poses, landmarks, people = (
        np.concatenate([part[name] for part in parts]) for name in ("crop", "pose", "landmarks", "person")
    )
    grey = np.stack([crop @ (LUMA / 255) for crop in crops])
    kinds = np.repeat(np.arange(len(parts)), [len(part["pose"]) for part in parts])
    tensors = [torch.from_numpy(values).to(device) for values in (grey[:, None], poses, landmarks)]
    return Crops(*tensors, torch.from_numpy(people % HELD_OUT == 0).to(device), torch.from_numpy(kinds).to(device))


def _follow(average: dict[str, Tensor], network: nn.Module, share: float) -> None:
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                average[name].lerp_(value, 1 - share)
            else:
                average[name].copy_(value)


def _seen(
    crops: Crops, rows: Tensor, turn: Tensor, times: Tensor, shift: Tensor, mirrored: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """What the network sees of crops from squares that are turned, larger, and moved (shares of the crop's side); the
    poses and landmarks of these."""
    pictures, poses, landmarks = crops.pictures[rows], crops.poses[rows].clone(), crops.landmarks[rows]
    pictures = torch.where(mirrored[:, None, None, None], pictures.flip(-1), pictures)
    poses = torch.where(mirrored[:, None], poses * MIRRORED.to(poses), poses)
    other = landmarks[:, MIRRORED_LANDMARKS.tolist()] * torch.tensor([-1.0, 1], device=landmarks.device)
    landmarks = torch.where(mirrored[:, None, None], other, landmarks)
    cos, sin = turn.cos(), turn.sin()
    rotation = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)
    theta = torch.cat([rotation * (times * MARGIN / drawn.MARGIN)[:, None, None], 2 * shift[:, :, None]], 2)
    grid = functional.affine_grid(theta, [len(rows), 1, SIDE, SIDE], align_corners=False)
    pictures = functional.grid_sample(pictures, grid, padding_mode="border", align_corners=False)

    def moved(points: Tensor, shift: Tensor) -> Tensor:
        return torch.einsum("nka,nab->nkb", points - shift[:, None], rotation) / times[:, None, None]

    middle = moved(poses[:, None, 2:4], shift * drawn.MARGIN)[:, 0]
    poses = torch.cat([poses[:, :2], middle, poses[:, 4:5] - times.log()[:, None], poses[:, 5:] - turn[:, None]], 1)
    return pictures, poses, moved(landmarks, shift)


def _augmented(crops: Crops, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    device, count = rows.device, len(rows)
    normal, uniform = (
        (lambda *size: torch.randn(*size, device=device)),
        (lambda *size: torch.rand(*size, device=device)),
    )
    pictures, poses, landmarks = _seen(
        crops, rows, normal(count) * 0.06, (normal(count) * 0.06).exp(), normal(count, 2) * 0.03, uniform(count) < 0.5
    )
    one = (count, 1, 1, 1)
    pictures = pictures.clamp(1e-3, 1) ** (normal(*one) * 0.3).exp()
    across = torch.linspace(-1, 1, SIDE, device=device)
    light = 1 + normal(*one) * 0.2 * across + normal(*one) * 0.2 * across[:, None]
    pictures = pictures * light.clamp_min(0.1)
    for factor in (2, 3):
        coarse = functional.interpolate(functional.avg_pool2d(pictures, factor), size=SIDE, mode="bilinear")
        pictures = torch.where(uniform(*one) < 0.12, coarse, pictures)
    pictures = pictures + torch.randn_like(pictures) * uniform(*one) * 0.05
    places = torch.arange(SIDE, device=device)
    for _ in range(2):
        middle, reach = uniform(count, 2) * SIDE, (uniform(count, 2) * 0.22 + 0.03) * SIDE
        columns = (places - middle[:, :1]).abs() < reach[:, :1]
        lines = (places - middle[:, 1:]).abs() < reach[:, 1:]
        covered = (columns[:, None] & lines[:, :, None])[:, None] & (uniform(*one) < 0.3)
        pictures = torch.where(covered, uniform(*one) + torch.randn_like(pictures) * 0.05, pictures)
    return pictures, poses, landmarks


@torch.no_grad()
def _report(network: PoseNetwork, crops: Crops, paths: list[Path]) -> None:
    """Prints errors by kind of people and yaw: median angle (yaw, pitch, roll together), place and size."""
    rows = torch.nonzero(crops.held_out).flatten()
    errors, truth = [], []
    for part in rows.split(BATCH):
        nothing = torch.zeros(len(part), device=part.device)
        still = nothing, nothing + 1, nothing[:, None].expand(-1, 2), nothing > 0
        pictures, poses, _ = _seen(crops, part, *still)
        answers = (network(pictures) + network(pictures.flip(-1)) * MIRRORED.to(poses)) / 2
        errors.append((answers - poses).cpu())
        truth.append(poses.cpu())
    error, yaw, kind = torch.cat(errors), torch.cat(truth)[:, 0].abs().rad2deg(), crops.kind[rows].cpu()
    angle = error[:, [0, 1, 5]].norm(dim=1).rad2deg()
    for number, path in enumerate(paths):
        for low, high in ((0, 45), (45, 70), (70, 90)):
            chosen = (kind == number) & (yaw >= low) & (yaw < high)
            print(
                f"{path.name}, yaw {low} to {high}, {int(chosen.sum())} crops: median {angle[chosen].median():.2f} "
                f"degrees, pitch {error[chosen, 1].mean().rad2deg():+.2f}, scale {error[chosen, 4].abs().mean():.2%}"
            )
