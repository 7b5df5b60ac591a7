"""Peers in environments of their own: made once, in the user's cache, from the registry; no dependency of ours."""

import os
import subprocess
import venv
from pathlib import Path

from bench.frame import NotMeasured


def environment(peer: str, *beside: str) -> Path:
    """The Python that has this peer (``name==version``) and what it needs. Raises: NotMeasured."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "vitaal-bench" / peer.replace("==", "-")
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    if not (folder / "complete").exists():
        try:
            venv.create(folder, with_pip=True, clear=True)
            install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", peer, *beside]
            subprocess.run(install, check=True, capture_output=True, timeout=300)
        except (OSError, subprocess.SubprocessError) as error:
            raise NotMeasured(f"{peer} cannot be installed here") from error
        (folder / "complete").touch()
    return python
