"""What `gghead view` refuses, and how."""

import contextlib
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from gghead.cli.main import main
from viewer.tiny_models import write_model


def refusal(*arguments: object) -> str:
    result = CliRunner().invoke(main, ["view", *map(str, arguments)])
    assert result.exit_code in (1, 2), result.output
    assert "Traceback" not in result.output
    return " ".join(result.output.split())


@pytest.fixture
def viser() -> None:
    pytest.importorskip("viser", reason="the viewer needs the extra `viewer`")


def test_a_port_in_use_is_a_message(viser: None, tmp_path: Path) -> None:
    model = write_model(tmp_path / "tiny.safetensors")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refusal(model, "--port", port)
    assert f"port {port} on localhost is in use" in said
    assert f"--port {port + 1}" in said


def test_wrong_arguments(viser: None, tmp_path: Path) -> None:
    model = write_model(tmp_path / "tiny.safetensors")
    assert "there is nothing at" in refusal(tmp_path / "missing")
    assert "no part of a view" in refusal(model, "--view", "seeds=1")
    assert "--follow takes one MODEL" in refusal(model, "--follow")
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "config.json").touch()
    assert "run has kept no model yet; --follow waits for the first" in refusal(tmp_path / "run")
    (tmp_path / "broken.safetensors").write_bytes(b"no tensors")
    assert "cut off or damaged" in refusal(tmp_path / "broken.safetensors")


def test_it_says_what_photographs_lack_and_goes_on(
    viser: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed")

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gghead.viewer.server.serving", lambda *arguments: contextlib.nullcontext())
    monkeypatch.setattr("time.sleep", interrupt)
    model = write_model(tmp_path / "tiny.safetensors")
    result = CliRunner().invoke(main, ["view", str(model), "--models", str(tmp_path), "--device", "cpu"])
    assert result.exit_code == 0
    assert "Open http://localhost:8080" in result.stdout
    assert "It makes no heads of photographs: there are no face models in" in result.stderr


def test_without_viser_it_names_the_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "pip install 'gghead[viewer]'" in refusal(tmp_path)
