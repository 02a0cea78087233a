"""What processes of a group share: parts of a batch, and means in a few pieces."""

import pytest
import torch

from gghead.processes import group
from gghead.processes.group import ProcessGroup


def test_buckets_hold_everything_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group, "BUCKET_NUMBERS", 10)
    tensors = [torch.zeros(size) for size in (4, 5, 3, 20, 1)]
    buckets = [[len(tensor) for tensor in bucket] for bucket in group._buckets(tensors)]
    assert buckets == [[4, 5, 3], [20], [1]]


def test_parts_of_a_batch_are_whole_groups() -> None:
    whole = torch.arange(16.0)
    parts = [ProcessGroup(rank, 2).part(whole, group_size=4) for rank in range(2)]
    assert parts[0].tolist() == [0, 1, 4, 5, 8, 9, 12, 13]
    assert parts[1].tolist() == [2, 3, 6, 7, 10, 11, 14, 15]
    assert ProcessGroup().part(whole, 4) is whole
