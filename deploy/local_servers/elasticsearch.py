"""Elasticsearch: one node, from a zip or a folder that somebody brought."""

from __future__ import annotations

import argparse
import json
import os
import pwd
import re
import shutil
import subprocess
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any

from local_servers.programs import Missing, await_true, find, free_port, launch


def start_elasticsearch(folder: Path, port: int, options: argparse.Namespace) -> dict[str, Any]:
    """Elasticsearch 8.19 from the integration zip (or an unpacked folder), one node, no security: loopback only."""
    home = _elasticsearch_home(folder, options.elasticsearch)
    java = _java_home()
    config, log = folder / "config", folder / "elasticsearch.log"
    for each in (config, folder / "data", folder / "logs", folder / "tmp"):
        each.mkdir(exist_ok=True)
    for name in ("jvm.options", "log4j2.properties"):
        if not (config / name).exists():
            shutil.copyfile(home / "config" / name, config / name)
    (config / "elasticsearch.yml").write_text(
        "\n".join(
            (
                "discovery.type: single-node",
                "network.host: 127.0.0.1",
                f"http.port: {port}",
                f"transport.port: {free_port()}",
                f"path.data: {folder / 'data'}",
                f"path.logs: {folder / 'logs'}",
                "xpack.security.enabled: false",
                "cluster.routing.allocation.disk.threshold_enabled: false",
                "",
            )
        )
    )
    command = [str(home / "bin" / "elasticsearch")]
    if os.getuid() == 0:  # it refuses to run as root
        nobody = pwd.getpwnam("nobody")
        for below in (folder, *folder.rglob("*")):
            os.chown(below, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)
        command = [find("runuser", hint="Debian: apt-get install util-linux"), "-u", "nobody", "--", *command]
    environ = {
        **os.environ,
        "ES_JAVA_HOME": str(java),
        "ES_PATH_CONF": str(config),
        "ES_JAVA_OPTS": "-Xms512m -Xmx512m -XX:TieredStopAtLevel=1",  # up in 17 s of work instead of 27
        "ES_TMPDIR": str(folder / "tmp"),
        "HOME": str(folder),
    }
    process = launch(command, log, env=environ, cwd=folder)
    url = f"http://127.0.0.1:{port}"

    def is_yellow() -> bool:
        try:
            with urllib.request.urlopen(f"{url}/_cluster/health", timeout=2) as answer:  # noqa: S310 - http on loopback
                return json.load(answer)["status"] in ("yellow", "green")
        except (OSError, ValueError, KeyError, urllib.error.URLError):
            return False

    await_true(is_yellow, process, log)
    return {
        "pid": process.pid,
        "port": port,
        "env": {"ELASTICSEARCH_URL": url},
        "tests": {"TEST_ELASTICSEARCH_URL": url},
    }


def _elasticsearch_home(folder: Path, given: str | None) -> Path:
    """Return an unpacked Elasticsearch: the given one, or the given zip unpacked here."""
    hint = (
        "Elasticsearch 8.19 as a zip or a folder: give it with --elasticsearch PATH or ELASTICSEARCH_DIST. A small one "
        "for tests: mvn dependency:copy -Dartifact="
        "org.elasticsearch.distribution.integ-test-zip:elasticsearch:8.19.9:zip -DoutputDirectory=DIR"
    )
    place = Path(given) if given else None
    if place is None or not place.exists():
        raise Missing(hint)
    if place.is_dir():
        if (place / "bin" / "elasticsearch").exists():
            return place
        zips = sorted(place.glob("elasticsearch-*.zip"))
        if not zips:
            raise Missing(hint)
        place = zips[-1]
    unpacked = folder / "dist"
    if not unpacked.exists():
        with zipfile.ZipFile(place) as archive:
            archive.extractall(unpacked)  # a release the caller chose
        for program in unpacked.glob("*/bin/*"):
            program.chmod(0o755)
    found = next(unpacked.glob("*/bin/elasticsearch"), None)
    if found is None:
        raise Missing(hint)
    return found.parent.parent


def _java_home() -> Path:
    """Return a Java that Elasticsearch 8.19 runs on: 17 or later."""
    hint = "Java 17 or later. Debian: apt-get install openjdk-17-jre-headless"
    given = os.environ.get("ES_JAVA_HOME")
    java = Path(given) / "bin" / "java" if given else Path(find("java", hint=hint)).resolve()
    said = subprocess.run([str(java), "-version"], capture_output=True, text=True).stderr
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version.group(1)) < 17:
        raise Missing(hint)
    return java.parent.parent
