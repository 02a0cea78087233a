"""gghead doctor: what it says of a sound machine, and of one that is not."""

import pytest
import torch
from click.testing import CliRunner

from gghead.cli import doctor as doctor_module
from gghead.cli.main import main, wait_passively
from gghead.rasterizer import self_test as module
from gghead.rasterizer.self_test import Errors


def test_says_what_there_is_and_that_it_draws_right() -> None:
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 0, result.output
    for word in (
        "gghead",
        "Python",
        torch.__version__,
        "numba",
        "GPU",
        "float32 on cpu: backend cpu",
        "Nothing is wrong",
    ):
        assert word in result.output
    assert result.output.count("as the reference") >= 2
    assert result.output.startswith("```text\n")


def test_a_backend_that_draws_wrong_is_marked(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(backend: str, device: str) -> Errors:
        if backend == "cpu":
            raise RuntimeError("the kernels are gone")
        return Errors(picture=0.5, gradient=float("nan"))

    monkeypatch.setattr(module, "self_test", broken)
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 1
    assert "! self-test   cpu on cpu: RuntimeError: the kernels are gone" in result.output
    assert "! self-test   reference on cpu: NOT as the reference" in result.output
    assert "need attention" in result.output


def test_errors_that_are_not_numbers_are_not_sound() -> None:
    assert Errors(1e-6, 1e-4).sound
    assert not Errors(float("nan"), 1e-4).sound
    assert not Errors(1e-6, 0.5).sound


def test_threads_sleep_while_they_wait_unless_the_user_chose() -> None:
    for chosen in ({"OMP_WAIT_POLICY": "ACTIVE"}, {"GOMP_SPINCOUNT": "10"}, {"KMP_BLOCKTIME": "200"}):
        environment = dict(chosen)
        wait_passively(environment)
        assert environment == chosen
    environment = {"OMP_NUM_THREADS": "2"}
    wait_passively(environment)
    assert environment == {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "PASSIVE"}


@pytest.mark.parametrize(("together", "told"), [(190.0, "1.9 times as fast"), (20.0, "OMP_NUM_THREADS=1 is faster")])
def test_threads_that_only_wait_are_told(together: float, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    speeds = iter([together, 100.0])
    monkeypatch.setattr(doctor_module, "layers_a_second", lambda threads: next(speeds))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert told in doctor_module.threads_finding().value
