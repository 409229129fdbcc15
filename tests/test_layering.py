"""
The arrows of the house, kept by walking every import.

A wrong arrow is mended, never listed as an exception: the tables below say what
each room may import, and nothing here says "but".
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PLUGINS = ROOT / "plugins"

CORE_LIBRARIES = {"attr", "attrs", "bcrypt", "cattrs", "jwt", "msgspec", "numpy", "pluggy", "zxcvbn"}
# numpy loads only where matching is
NUMPY_ROOMS = (
    "coachhub_core.matching",
    "coachhub_core.memory.matcher",
    "coachhub_core.memory.points",
    "coachhub_core.memory.assigner",
    "coachhub_core.ports.matcher",
    "coachhub_core.services.cohort_market",
    "coachhub_core.services.demand_prices",
    "coachhub_core.services.demand_work",
    "coachhub_core.services.suggestions",
    "coachhub_core.services.snapshot",
    "coachhub_core.testing",
)
ONE_FILE_ONLY = {
    "bcrypt": "coachhub_core.security",
    "jwt": "coachhub_core.security",
    "zxcvbn": "coachhub_core.security",
}

PACKAGE_LIBRARIES = {
    "coachhub_core": CORE_LIBRARIES,
    "coachhub_http": {"attr", "attrs", "cattrs", "falcon", "gunicorn", "msgspec", "prometheus_client", "structlog"},
    "coachhub_ws": {"attr", "attrs", "cattrs", "msgspec", "prometheus_client", "structlog", "websockets"},
    "coachhub_sqlalchemy": {"alembic", "attr", "attrs", "msgspec", "pymysql", "sqlalchemy"},
    "coachhub_cli": {"attr", "attrs", "click", "matplotlib", "msgspec", "rich", "structlog"},
    "coachhub_demo": {"attr", "attrs", "click", "msgspec", "rich", "websockets"},
    "coachhub_redis": {"attr", "attrs", "redis"},
    "coachhub_elasticsearch": {"attr", "attrs", "elastic_transport", "elasticsearch", "msgspec", "stamina"},
    "coachhub_scipy": {"attr", "attrs", "numpy", "scipy"},
    "coachhub_backup": {"attr", "attrs", "click", "msgspec", "rich"},
}

# What a room of the core may import of the core, besides itself; a prefix covers what is below it.
ROOMS = {
    "coachhub_core.errors": (),
    "coachhub_core.identifiers": (),
    "coachhub_core.clock": (),
    "coachhub_core.version": (),
    "coachhub_core.deadline": (),
    "coachhub_core.log_lines": (),
    "coachhub_core.breaker": ("errors",),
    "coachhub_core.patience": ("errors",),
    "coachhub_core.sources": ("errors",),
    "coachhub_core.environment": ("config",),
    "coachhub_core.strict_json": ("errors",),
    "coachhub_core.config": ("errors",),
    "coachhub_core.wire": ("domain", "errors", "strict_json"),
    "coachhub_core.security": ("clock", "config", "domain", "errors"),
    "coachhub_core.domain": ("errors", "wire", "clock"),
    "coachhub_core.ports": ("config", "domain", "errors", "matching.tables", "matching.pairs", "matching.outcomes"),
    "coachhub_core.hookspecs": ("config", "domain", "ports"),
    "coachhub_core.matching": ("config", "domain", "errors", "memory", "ports", "wire", "plugins", "hookspecs"),
    "coachhub_core.plugins": ("config", "domain", "errors", "hookspecs", "matching", "memory", "ports"),
    "coachhub_core.hosting": ("config", "domain", "errors", "matching", "memory", "plugins"),
    "coachhub_core.signing": ("config", "errors", "security"),
    "coachhub_core.memory": (
        "config", "domain", "errors", "hookspecs", "identifiers", "matching", "ports", "wire",
    ),
    "coachhub_core.services": (
        "breaker", "clock", "config", "deadline", "domain", "errors", "identifiers", "matching", "memory.archive",
        "ports", "security", "wire",
    ),
}  # fmt: skip


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of ours, with its dotted name."""
    for base in (ROOT, PLUGINS):
        for package in sorted(base.glob("coachhub_*")):
            for file in sorted(package.rglob("*.py")):
                parts = file.relative_to(base).with_suffix("").parts
                yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), file


def imports_of(file: Path, name: str) -> Iterator[str]:
    """Every module that *file* names in an import, absolute."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parts, base] if base else parts)
            yield base
            yield from (
                f"{base}.{alias.name}"
                for alias in node.names
                if (ROOT / Path(*f"{base}.{alias.name}".split("."))).with_suffix(".py").exists()
            )


MODULES = dict(modules())
GRAPH = {name: sorted(set(imports_of(file, name))) for name, file in MODULES.items()}


def top(name: str) -> str:
    return name.partition(".")[0]


def is_below(name: str, prefix: str) -> bool:
    return name == prefix or name.startswith(f"{prefix}.")


@pytest.mark.parametrize("name", sorted(MODULES))
def test_a_package_imports_only_its_own_libraries(name: str) -> None:
    """The core knows no I/O library; each shell and each plugin knows its own."""
    allowed = (
        PACKAGE_LIBRARIES[top(name)] | {"pytest"}
        if is_below(name, "coachhub_core.testing")
        else PACKAGE_LIBRARIES[top(name)]
    )
    for imported in GRAPH[name]:
        library = top(imported)
        if library in sys.stdlib_module_names or library.startswith("coachhub_"):
            continue
        assert library in allowed, f"{name} imports {imported}"


@pytest.mark.parametrize("name", sorted(MODULES))
def test_nobody_imports_a_shell_or_a_plugin(name: str) -> None:
    """Everybody may import the core; shells and plugins meet only through it."""
    for imported in GRAPH[name]:
        if top(imported).startswith("coachhub_"):
            assert top(imported) in (top(name), "coachhub_core"), f"{name} imports {imported}"


@pytest.mark.parametrize("name", sorted(n for n in MODULES if top(n) == "coachhub_core"))
def test_numpy_is_imported_only_where_matching_is(name: str) -> None:
    """Who embeds CoachHub without asking for suggestions does not pay for numpy."""
    if "numpy" in map(top, GRAPH[name]):
        assert any(is_below(name, room) for room in NUMPY_ROOMS), name


@pytest.mark.parametrize("name", sorted(n for n in MODULES if top(n) == "coachhub_core"))
def test_passwords_and_tokens_are_made_in_one_file(name: str) -> None:
    """bcrypt, jwt and zxcvbn are known to security.py alone."""
    for imported in GRAPH[name]:
        if top(imported) in ONE_FILE_ONLY:
            assert name == ONE_FILE_ONLY[top(imported)], f"{name} imports {imported}"


@pytest.mark.parametrize("name", sorted(n for n in MODULES if top(n) == "coachhub_core"))
def test_rooms_of_the_core_import_only_below_themselves(name: str) -> None:
    """Domain knows nobody, ports know the domain, services know ports, bootstrap knows all."""
    room = next((r for r in sorted(ROOMS, key=len, reverse=True) if is_below(name, r)), None)
    if room is None:
        assert name in ("coachhub_core", "coachhub_core.bootstrap") or is_below(name, "coachhub_core.testing"), name
        return
    allowed = [room, *(f"coachhub_core.{other}" for other in ROOMS[room])]
    for imported in GRAPH[name]:
        if is_below(imported, "coachhub_core") and imported != "coachhub_core":
            assert any(is_below(imported, prefix) for prefix in allowed), f"{name} imports {imported}"


def test_importing_the_library_does_nothing_and_loads_little() -> None:
    """No connection, no environment read, no numpy, no database library."""
    import subprocess

    code = (
        "import sys, coachhub_core;"
        "heavy = {'numpy', 'scipy', 'sqlalchemy', 'falcon', 'websockets'} & set(sys.modules);"
        "sys.exit(f'loaded: {sorted(heavy)}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
