"""Cameras and Gaussians are batches alike: what they are made of, what an index chooses, how they are joined."""

from collections.abc import Callable
from dataclasses import fields, replace

import pytest
import torch

from gghead.gaussians.scene import Gaussians
from gghead.geometry.batches import Batched, axes_of
from gghead.geometry.cameras import Cameras


def scenes(*batch: int) -> Gaussians:
    opacities, sh = torch.rand(*batch, 5), torch.rand(*batch, 5, 4, 3)
    return Gaussians(*(torch.rand(*batch, 5, count) for count in (3, 4, 3)), opacities, sh)


def cameras(*batch: int) -> Cameras:
    return Cameras(torch.rand(*batch, 4, 4), torch.rand(*batch, 3, 3), 8, 6)


KINDS = pytest.mark.parametrize("make", [scenes, cameras])
Make = Callable[..., Batched]


@KINDS
def test_an_index_means_the_same_for_every_tensor(make: Make) -> None:
    batch = make(4, 3)
    mask = torch.tensor([True, False, False, True])
    for index in (1, -1, slice(1, 3), (..., 0), (0, 2), None, [0, 3], torch.tensor([3, 0]), mask, (mask, 1)):
        chosen = batch[index]
        own = torch.arange(12).reshape(4, 3)[index]
        assert chosen.batch_shape == own.shape
        for name in axes_of(type(batch)):
            flat = getattr(batch, name).flatten(0, 1)
            assert torch.equal(getattr(chosen, name), flat[own]), (name, index)
    assert len(batch) == 4
    assert [part.batch_shape for part in batch] == [(3,)] * 4


@KINDS
def test_an_index_does_not_reach_behind_the_batch(make: Make) -> None:
    for index in ((0, 0), (..., 0, 0), 2, True, "a", 1.5):
        with pytest.raises(IndexError):
            make(2)[index]
    with pytest.raises(IndexError, match=r"have batch \[\], no axis to index"):
        make()[0]
    for use in (len, list):
        with pytest.raises(TypeError, match=r"this is a single .*no length"):
            use(make())
    assert make()[None].batch_shape == (1,)


@KINDS
def test_batches_are_joined(make: Make) -> None:
    one, other = make(2, 3), make(1, 3)
    kind = type(one)
    long = kind.cat([one, other])
    assert long.batch_shape == (3, 3)
    assert kind.cat([one, one], axis=-1).batch_shape == (2, 6)
    assert kind.stack([one, one, one]).batch_shape == (3, 2, 3)
    assert kind.stack([make(), make()]).batch_shape == (2,)
    for name in axes_of(kind):
        assert torch.equal(getattr(long[2], name), getattr(other[0], name))
    for join, parts in ((kind.cat, [one, make(2)]), (kind.cat, [make(), make()]), (kind.stack, [one, other])):
        with pytest.raises(ValueError, match="expected batches that differ in its length alone"):
            join(parts)
    with pytest.raises(ValueError, match="expected batches that differ in its length alone"):
        kind.cat([one, one], axis=2)
    with pytest.raises(ValueError, match=r"^\[\] can't be joined"):
        kind.stack([])


def test_cameras_of_other_pictures_are_not_joined() -> None:
    with pytest.raises(ValueError, match="expected batches that differ in its length alone"):
        Cameras.cat([cameras(1), replace(cameras(1), width=9)])


@KINDS
def test_they_move_as_one(make: Make) -> None:
    batch = make(2).map(lambda tensor: tensor.requires_grad_())
    assert all(tensor.dtype == torch.float64 for tensor in tensors_of(batch.to(torch.float64)))
    assert all(tensor.device.type == "meta" for tensor in tensors_of(batch.to("meta")))
    assert not any(tensor.requires_grad for tensor in tensors_of(batch.detach()))
    with pytest.raises(ValueError, match="there is no device 'gpu' here"):
        batch.to("gpu")


def tensors_of(batch: Batched) -> list[torch.Tensor]:
    return [getattr(batch, field.name) for field in fields(batch) if field.name in axes_of(type(batch))]


@KINDS
@pytest.mark.usefixtures("unchecked_shapes")
def test_what_does_not_fit_together_is_refused_when_it_is_made(make: Make) -> None:
    batch = make(2)
    first, *others = axes_of(type(batch))
    for name in (first, *others):
        tensor = getattr(batch, name)
        for odd in (None, "text", [[0.0]], tensor.numpy(), tensor.to_sparse(), tensor.long(), tensor > 0):
            with pytest.raises(ValueError, match=rf"{name} are .*expected (a tensor|dense numbers)"):
                replace(batch, **{name: odd})
        with pytest.raises(ValueError, match=rf"{name} have shape \[\]; expected \[\*batch, "):
            replace(batch, **{name: torch.tensor(1.0)})
    for name in others:
        tensor = getattr(batch, name)
        with pytest.raises(ValueError, match=rf"{name} have shape \[1, .*\]; expected \[2, .*\], as the {first} say"):
            replace(batch, **{name: tensor[:1]})
        with pytest.raises(ValueError, match=rf"{name} are torch\.float64 on cpu, the {first} are torch\.float32"):
            replace(batch, **{name: tensor.double()})
        with pytest.raises(ValueError, match=rf"{name} are torch\.float32 on meta"):
            replace(batch, **{name: tensor.to("meta")})


@pytest.mark.usefixtures("unchecked_shapes")
def test_axes_of_one_name_are_of_one_length() -> None:
    scene = scenes(2)
    with pytest.raises(ValueError, match=r"quats have shape \[2, 4, 4\]; expected \[2, 5, 4\], as the means say"):
        replace(scene, quats=scene.quats[:, :4])
    with pytest.raises(ValueError, match=r"scales have shape \[2, 5, 2\]; expected \[2, 5, 3\]"):
        replace(scene, scales=scene.scales[..., :2])


@pytest.mark.usefixtures("unchecked_shapes")
@pytest.mark.parametrize("side", [0, -8, 8.0, True, None, "8"])
def test_pictures_have_whole_numbers_of_pixels(side: object) -> None:
    for name in ("width", "height"):
        with pytest.raises(ValueError, match=f"{name} is .*; expected a whole number from 1 up"):
            replace(cameras(1), **{name: side})
