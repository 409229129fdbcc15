"""What a person reads is true: every snippet runs, every page is up to date, every link leads somewhere."""

from __future__ import annotations

import ast
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import docs_pages as d
import pytest
from services import environment_of_services

sys.path.append(str(Path(__file__).parent / "end_to_end"))
from running import Running, free_port, running

PAGES = d.pages()
REFERENCE = d.DOCS / "reference"
RUN_ELSEWHERE = {REFERENCE / "chat-protocol.md"}  # by tests/ws/test_ws_page.py, which calls what the page defines
RUN = [page for page in PAGES if page not in RUN_ELSEWHERE and (d.python_of(page) or d.marked_bash(page))]
ON_SERVICES = [page for page in PAGES if d.marked_bash(page, on_services=True)]
PORTS_AS_SHOWN = ("3000", "3001", "3010", "3011")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, with nothing of ours in the environment."""
    for name in list(os.environ):
        if name.startswith(("COACHHUB_", "JWT_")) or name in ("PORT", "CHAT_PORT", "LOG_LEVEL"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def server(request: pytest.FixtureRequest, folder: Path) -> Iterator[Running | None]:
    """An instance in ``studio``, as the pages start it, for those pages that talk to one."""
    if not d.needs_server(request.param):
        yield None
        return
    with running(folder / "studio", LOG_LEVEL="info") as started:
        yield started


# ── what runs ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("server", "page"), [(page, page) for page in RUN], ids=[d.name_of(page) for page in RUN], indirect=["server"]
)
def test_every_snippet_runs(server: Running | None, folder: Path, page: Path) -> None:
    """
    As a reader does it, in an empty folder: the shell's session, then Python's.

    All marked shell blocks of a page are one session, all Python blocks one
    namespace. What they are said to print, they print.
    """
    ports = None if server is None else (server.port, server.chat_port)
    if script := d.marked_bash(page):
        printed = run_shell(d.placed(script, ports), folder)
        for said in said_after_bash(page):
            for line in said.splitlines():
                assert_said(line, printed)
    for line_number, printed, said in d.run_python(page, ports):
        if said is not None:
            assert printed == said, f"{d.name_of(page)}:{line_number}"


@pytest.mark.external_service
@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", ON_SERVICES, ids=[d.name_of(page) for page in ON_SERVICES])
def test_every_command_for_services_runs_on_them(folder: Path, page: Path) -> None:
    """What the page does on one box first, then the rest with the addresses of a database, a Redis and an index."""
    if script := d.marked_bash(page):
        run_shell(script, folder)
    script = d.marked_bash(page, on_services=True)
    for shown in PORTS_AS_SHOWN:
        script = re.sub(rf"\b{shown}\b", str(free_port()), script)
    with environment_of_services() as environ:
        run_shell(script, folder, timeout=240, CHECKOUT=str(d.ROOT), **environ)


def run_shell(script: str, folder: Path, *, timeout: float = 90, **environ: str) -> str:
    """Run a session and return all it printed; none of its commands fails."""
    bash = shutil.which("bash")
    if bash is None or shutil.which("curl") is None:
        pytest.skip("bash or curl is absent")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with subprocess.Popen(
        [bash, "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={
            **os.environ,
            "PATH": path,
            "COACHHUB_AUTH_BCRYPT_COST": "10",
            "COACHHUB_MATCHING_EXPLORATION": "false",
            **environ,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as session:
        try:
            printed, _ = session.communicate(timeout=timeout)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(session.pid, signal.SIGKILL)  # what a page starts in the background ends with its session
    assert session.returncode == 0, printed
    assert "Traceback" not in printed
    return printed


def said_after_bash(page: Path) -> Iterator[str]:
    found = d.blocks(page)
    for number, block in enumerate(found[:-1]):
        if block.is_marked and block.language == "bash" and found[number + 1].language == "text":
            text = page.read_text("utf-8").split("\n")
            between = text[block.line + block.text.count("\n") + 1 : found[number + 1].line - 1]
            if not "".join(between).strip():
                yield found[number + 1].text


def assert_said(line: str, printed: str) -> None:
    """Ids and what is cut short differ from day to day; all else stands there letter for letter."""
    if "…" in line or "request_id" in line:
        line = line.partition(":")[0]
    assert line.strip() in printed, f"not printed: {line}\n\n{printed}"


def test_the_embedding_example_is_ten_lines_in_both_places() -> None:
    """The README and the tutorial show the same program, and its body has ten lines."""
    tutorial = d.python_of(d.DOCS / "tutorial" / "embedder.md")[0][0].text
    assert tutorial in [block.text for block, _ in d.python_of(d.ROOT / "README.md")]
    (body,) = [node for node in ast.parse(tutorial).body if isinstance(node, ast.With)]
    assert len(ast.unparse(body).splitlines()) - 1 == 10


def test_the_readme_begins_with_the_two_commands() -> None:
    """Word for word: what runs it, and what checks it."""
    first, second = [block.text for block in d.blocks(d.ROOT / "README.md")][:2]
    assert first == (
        "python3 -m venv .venv && .venv/bin/pip install -e '.[all]' && .venv/bin/coachhub up --demo"
        "       # the main job\n"
    )
    assert second == (
        ".venv/bin/pip install nox && .venv/bin/nox"
        "                                                        # every check\n"
    )


def test_what_decides_runs_every_session() -> None:
    """``.ci/run`` names the sessions, to run some side by side: together they are all that ``nox`` runs."""
    lines = (d.ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    named = [name for line in lines for name in re.findall(r" -s ([a-z ]+)", line)]
    assert len(named) == 3
    noxfile = ast.parse((d.ROOT / "noxfile.py").read_text(encoding="utf-8"))
    (sessions,) = (
        ast.literal_eval(node.value)
        for node in noxfile.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "nox.options.sessions"
    )
    assert sorted(" ".join(named).split()) == sorted(sessions)


# ── what is generated ───────────────────────────────────────────────────────


def test_generated_pages_are_as_the_code_would_have_them() -> None:
    """``python docs/generate.py`` would change nothing."""
    generate = d.generator()
    assert [d.name_of(page) for page in generate.outdated(generate.pages())] == []


def test_every_setting_stands_with_its_environment_name_and_default() -> None:
    """Read from the page as a person would, and compared with the settings themselves."""
    from coachhub_core.config import Settings, environment_names

    page = (REFERENCE / "settings.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|", page, re.MULTILINE)
    shown = {name: (member, default) for member, names, default in rows for name in re.findall(r"`(\w+)`", names)}
    assert shown.keys() == environment_names().keys()
    for name, path in environment_names().items():
        member, default = shown[name]
        assert member == path.rpartition(".")[2]
        value = Settings()
        for part in path.split("."):
            value = getattr(value, part)
        if isinstance(value, bool):
            assert default == f"`{str(value).lower()}`"
        elif isinstance(value, int | float):
            assert float(default.strip("`")) == value
        elif value:
            assert default.strip("`") == (",".join(value) if isinstance(value, tuple) else str(value))
        else:
            assert default in ("empty", "none")


def test_every_hook_stands_with_its_exact_signature() -> None:
    """Also the notices; a hook that the page does not know fails."""
    import inspect

    from coachhub_core.domain.events import EVENTS
    from coachhub_core.hookspecs import Hooks

    page = (REFERENCE / "hooks.md").read_text("utf-8")
    hooks = {name: hook for name, hook in vars(Hooks).items() if name.startswith("coachhub_")}
    assert {f"coachhub_{name}" for name in EVENTS} < hooks.keys()
    for name, hook in hooks.items():
        if name.removeprefix("coachhub_") in EVENTS:
            assert f"| `{name}(event, event_id: UUID) -> None` |" in page
            continue
        asked = [f"{p.name}: {p.annotation}" for p in inspect.signature(hook).parameters.values() if p.name != "self"]
        answer = inspect.signature(hook).return_annotation
        assert f"def {name}({', '.join(asked)}) -> {answer}" in page


def test_every_error_stands_with_its_code_and_status() -> None:
    """Each class of the core, with the code clients rely on and the status it has over REST."""
    import inspect

    from coachhub_core import errors
    from coachhub_http.errors import status_of

    page = (REFERENCE / "errors.md").read_text("utf-8")
    classes = [c for c in vars(errors).values() if inspect.isclass(c) and issubclass(c, errors.CoachHubError)]
    assert len(classes) > 50
    for cls in classes:
        (row,) = re.findall(rf"^\| `([\w.]+)` \| (\d*)[^|]* \| `{cls.__name__}` \|", page, re.MULTILINE)
        assert row[0] == cls.code
        assert row[1] in ("", str(status_of(cls)))
        assert re.search(rf"^{cls.__name__}\(", page, re.MULTILINE)


def test_every_operation_stands_with_its_address() -> None:
    """What is served is what is documented."""
    from coachhub_core import Settings, bootstrap
    from coachhub_http.app import create_app

    page = (REFERENCE / "rest.md").read_text("utf-8")
    with bootstrap(Settings.in_memory()) as hub:
        app = create_app(hub)
        served = {f"{method.upper()} {path}" for path, told in app.document["paths"].items() for method in told}
        app.close()
    assert set(re.findall(r"^### ([A-Z]+ /.*)$", page, re.MULTILINE)) == served


# ── what is written by hand, and can be counted ─────────────────────────────


def test_every_table_stands_on_the_page_of_personal_data() -> None:
    """Nothing is kept of anybody that the page does not tell of."""
    import coachhub_sqlalchemy.tables  # noqa: F401 - it fills the metadata
    from coachhub_sqlalchemy.tables.base import metadata

    page = (REFERENCE / "personal-data.md").read_text("utf-8")
    rows = re.findall(r"^\| (`.*?) \|", page.partition("## Tables")[2].partition("\n## ")[0], re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(metadata.tables)


@pytest.mark.parametrize("server", [d.DOCS / "howto" / "read-the-logs-and-metrics.md"], indirect=True)
def test_every_metric_that_is_named_is_counted(server: Running, folder: Path) -> None:
    """And every one that is counted is named."""
    import urllib.request

    counted = set()
    for port in (server.port, server.chat_port):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            counted |= set(re.findall(r"^# TYPE (coachhub_\w+) ", answer.read().decode(), re.MULTILINE))
    page = (d.DOCS / "howto" / "read-the-logs-and-metrics.md").read_text("utf-8")
    tables = page.partition("## Metrics")[2].partition("What is worth")[0]
    named = set(re.findall(r"`(coachhub_\w+)", tables))
    assert named == {name for name in counted if not name.endswith("_created")}


@pytest.mark.parametrize(
    ("name", "heading"), [("SECURITY.md", "## What holds"), ("docs/reference/degradation.md", "## Which test keeps it")]
)
def test_what_a_page_promises_has_its_test(name: str, heading: str) -> None:
    """Each line names a test, or the table of faults; the test is there."""
    page = (d.ROOT / name).read_text("utf-8").partition(heading)[2].partition("\n## ")[0]
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page)
    promises = re.findall(r"^\| (?!what holds|promise|---)(.+?) \| (.+) \|$", page, re.MULTILINE)
    assert len(promises) > 20
    assert [promise for promise, kept_by in promises if not re.search(r"`tests/|the table", kept_by)] == []
    for file, name in named:
        defined = {
            node.name
            for node in ast.walk(ast.parse((d.ROOT / file).read_text("utf-8")))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        }
        assert name in defined, f"{file} has no {name}"


# ── where links lead ────────────────────────────────────────────────────────


@pytest.mark.parametrize("page", PAGES, ids=[d.name_of(page) for page in PAGES])
def test_every_link_leads_somewhere(page: Path) -> None:
    """Between pages, to a page that is there and a heading that is in it."""
    for target in d.links(page):
        if target.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        assert other.exists(), f"{d.name_of(page)}: {target}"
        if anchor:
            assert anchor in d.anchors(other), f"{d.name_of(page)}: {target}"


def test_every_file_a_page_names_is_there() -> None:
    """A test or a file of the repository that is named can be opened; in tutorials they are the reader's own."""
    for page in PAGES:
        text = page.read_text("utf-8") if page.parent.name != "tutorial" else ""
        for name in re.findall(r"`((?:tests|docs|deploy|coachhub_\w+)/[\w./-]+\.\w+)(?:`|::)", text):
            assert (d.ROOT / name).exists(), f"{d.name_of(page)}: {name}"


def test_every_page_is_in_a_list_of_contents() -> None:
    """A page nobody finds is a page nobody reads."""
    index = (d.DOCS / "index.md").read_text("utf-8")
    for page in PAGES:
        if d.DOCS in page.parents and page.name != "index.md" and not re.match(r"\w+-", page.relative_to(d.DOCS).name):
            name = page.relative_to(d.DOCS).with_suffix("").as_posix()
            assert re.search(rf"^{re.escape(name)}$", index, re.MULTILINE), name


def test_pages_name_no_machine_of_ours() -> None:
    """No path of where this was written."""
    for page in PAGES:
        assert not re.search(r"(?<![\w.])/(home|root|Users|opt|tmp)/", page.read_text("utf-8")), d.name_of(page)
