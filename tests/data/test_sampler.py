import numpy as np
import pytest
from hypothesis import given, strategies as st

from gghead.data.sampler import mirrored_flags, picture_indices, rank_slice

counts, seeds, starts = st.integers(1, 50), st.integers(0, 2**40), st.integers(0, 200)


@given(count=counts, seed=seeds, epoch=st.integers(0, 5))
def test_each_epoch_sees_each_picture_once(count: int, seed: int, epoch: int) -> None:
    seen = picture_indices(count, seed, epoch * count, (epoch + 1) * count)
    assert sorted(seen) == list(range(count))


@given(count=counts, seed=seeds, start=starts, middle=starts, stop=starts)
def test_a_resumed_run_goes_on_as_if_it_had_not_stopped(
    count: int, seed: int, start: int, middle: int, stop: int
) -> None:
    start, middle, stop = sorted((start, middle, stop))
    parts = [picture_indices(count, seed, start, middle), picture_indices(count, seed, middle, stop)]
    assert np.array_equal(np.concatenate(parts), picture_indices(count, seed, start, stop))


@given(share=st.integers(1, 8), world_size=st.integers(1, 8), start=starts)
def test_the_processes_share_a_batch_without_overlap(share: int, world_size: int, start: int) -> None:
    size = share * world_size
    slices = [list(rank_slice(start, size, rank, world_size)) for rank in range(world_size)]
    assert [number for part in slices for number in part] == list(range(start, start + size))
    assert {len(part) for part in slices} == {share}


def test_pictures_that_are_compared_stay_together() -> None:
    parts = [rank_slice(0, 16, rank, 2, group_size=4) for rank in range(2)]
    assert sorted(parts[0] + parts[1]) == list(range(16))
    for rank, part in enumerate(parts):
        # Number i of a batch of b is of group i mod (b / 4), in the whole batch as in its parts.
        whole = [set(range(group, 16, 4)) for group in (2 * rank, 2 * rank + 1)]
        assert [set(part[group::2]) for group in range(2)] == whole


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    with pytest.raises(ValueError, match="batch_size is 10, processes 4"):
        rank_slice(0, 10, 0, 4)
    with pytest.raises(ValueError, match=r"expected a positive multiple of 16.*groups of 4"):
        rank_slice(0, 8, 0, 4, group_size=4)


def test_epochs_and_seeds_differ() -> None:
    orders = [picture_indices(100, 0, 0, 100), picture_indices(100, 0, 100, 200), picture_indices(100, 1, 0, 100)]
    assert not any(np.array_equal(orders[i], orders[j]) for i in range(3) for j in range(i))


@given(seed=seeds, start=starts)
def test_coins_belong_to_the_picture_seen_and_not_to_the_batch(seed: int, start: int) -> None:
    together = mirrored_flags(seed, range(start, start + 20))
    apart = np.concatenate(
        [mirrored_flags(seed, range(start, start + 7)), mirrored_flags(seed, range(start + 7, start + 20))]
    )
    assert np.array_equal(together, apart)


def test_coins_are_fair() -> None:
    assert 420 < mirrored_flags(3, range(1000)).sum() < 580
