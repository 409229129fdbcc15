"""What the room offers by name stays what it is, whatever was imported before."""

from __future__ import annotations

import subprocess
import sys


def test_no_module_hides_a_function_of_its_name() -> None:
    """A submodule becomes an attribute of its package when it is imported; none may be called like a public name."""
    program = (
        "import pkgutil, importlib, coachhub_core.matching as m\n"
        "for found in pkgutil.iter_modules(m.__path__): importlib.import_module(f'{m.__name__}.{found.name}')\n"
        "import types\n"
        "print([n for n in m.__all__ if isinstance(getattr(m, n), types.ModuleType)])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
