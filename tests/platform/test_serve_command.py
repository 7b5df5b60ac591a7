"""``vitaal serve`` as somebody runs it: an address on the first line, pages on it, a clean end at Ctrl-C."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.databases import MakeIn
from vitaal.cli import main


@pytest.fixture
def folder(tmp_path: Path, make_in: MakeIn) -> Path:
    make_in(tmp_path).close()
    return tmp_path


@pytest.mark.parametrize(("face", "path"), [("both", "/"), ("members", "/join"), ("employers", "/staff/sign-in")])
def test_serve_prints_its_address_answers_and_ends_cleanly_at_ctrl_c(folder: Path, face: str, path: str) -> None:
    command = [sys.executable, "-m", "vitaal", "serve", "--dir", str(folder), "--port", "0", "--face", face]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("Serving on http://127.0.0.1:"), line
        address = line.split()[2]
        for wanted in (path, "/healthz", "/readyz"):
            with urllib.request.urlopen(address + wanted, timeout=20) as answer:
                assert answer.status == 200
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait(timeout=30) == 0
    assert "Traceback" not in rest


@pytest.mark.parametrize(("side", "path"), [("members", "/join"), ("employers", "/staff/sign-in")])
def test_a_face_starts_with_its_own_credentials_and_nothing_of_the_other(folder: Path, side: str, path: str) -> None:
    other = {"members": "employers", "employers": "members"}[side]
    (folder / f"{other}.sqlite").unlink()
    shutil.rmtree(folder / "keys" / other)
    own = {f"VITAAL_{side.upper()}_URL": f"sqlite:///{folder / side}.sqlite", "VITAAL_KEYS_DIR": str(folder / "keys")}
    command = [sys.executable, "-m", "vitaal", "serve", "--port", "0", "--face", side]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | own) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert line.startswith("Serving on"), line
        with urllib.request.urlopen(line.split()[2] + path, timeout=20) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        process.stderr.read()
        assert process.wait(timeout=30) == 0


def test_a_port_in_use_is_one_sentence(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "vitaal", "serve", "--dir", str(folder), "--port", str(port)]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.startswith(f"error: Nothing can listen on 127.0.0.1:{port}")


def test_a_folder_without_stores_is_one_sentence(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["serve", "--dir", str(tmp_path)])
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.stderr


def test_the_worker_needs_both_faces(folder: Path) -> None:
    result = CliRunner().invoke(main, ["serve", "--dir", str(folder), "--worker", "--face", "members"])
    assert result.exit_code == 2
