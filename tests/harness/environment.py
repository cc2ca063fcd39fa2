"""Sets the environment of a test run before Django reads its settings (loaded by `-p` in pyproject.toml).

Every run has a data folder of its own; the processes of pytest-xdist share the folder of the run that started them.
"""

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

# Hundreds of processes start in a run; each would compile the whole portal anew where byte code is not kept.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

if "PYTEST_XDIST_WORKER" not in os.environ:
    folder = tempfile.mkdtemp(prefix="canbao-tests-")
    os.environ["CANBAO_VAR_DIR"] = folder
    for name in ("CANBAO_DEMO", "CANBAO_DEBUG", "SECRET_KEY", "FIELD_KEYS", "INDEX_KEY", "ALLOWED_HOSTS"):
        os.environ.pop(name, None)
    owner = os.getpid()
    # The fonts of papers are cut once at set-up and only read by tests.
    os.symlink(Path(__file__).resolve().parents[2] / "var" / "fonts", Path(folder) / "fonts")

    @atexit.register
    def remove_folder() -> None:
        """Removes the data folder, unless this is a forked child of the run."""
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)
