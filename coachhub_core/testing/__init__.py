"""
The conformance kits: every promise of a port, as tests a stranger can run.

Subclass a contract, supply its fixtures, and run pytest. The kits import pytest,
so nothing but kits lives here.
"""

from pkgutil import iter_modules

import pytest

for _module in iter_modules(__path__):  # so that a stranger's failures read as well as ours
    pytest.register_assert_rewrite(f"{__name__}.{_module.name}")
