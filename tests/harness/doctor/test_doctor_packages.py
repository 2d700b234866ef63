from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec

from backbones.scatter import installed
from harness.doctor.packages import inspect_packages


def test_packages_are_there_or_say_what_to_type() -> None:
    found = {package.name: package for package in inspect_packages()}
    assert (found["tensorboard"].version is not None) == (find_spec("tensorboard") is not None)
    assert (found["torch-scatter"].version is not None) == installed()
    for package in found.values():
        assert (package.version is None) == (package.reason is not None)
        assert "pip install" in package.install


def test_a_torch_scatter_that_cannot_be_imported_counts_as_missing() -> None:
    code = "import sys; sys.modules['torch_scatter'] = None\n"
    code += "from harness.doctor.packages import inspect_packages\nprint(inspect_packages()[1])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "name='torch-scatter'" in run.stdout, run.stderr
    assert "version=None" in run.stdout
