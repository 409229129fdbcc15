"""Redis by URL: TLS that is really spoken, sentinels that name a new master, and what cannot be read."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import pytest

from coachhub_core.errors import SettingsError
from coachhub_core.testing.broadcast import Heard
from coachhub_redis.addresses import sentinels_of
from coachhub_redis.broadcast import RedisBroadcast
from coachhub_redis.cache import RedisCache
from coachhub_redis.client import Link
from coachhub_redis.rate_counters import RedisRateCounters


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("localhost", r"it must begin with one of redis://, .*, redis\+sentinel://, rediss\+sentinel://"),
        ("http://secret@localhost", "it must begin with"),
        ("redis://", "it must begin with"),
        ("redis://h:port/0", "a port must be a number"),
        ("redis://me:secret/word@h/0", "percent-encoded"),
        ("redis://h/0?colour=blue", "an option one of redis-py's"),
        ("redis://h/master", "the number of a database"),
        ("redis+sentinel://:secret@h:1,h:2", "must name its service"),
        ("redis+sentinel:///main", "must name hosts"),
        ("redis+sentinel://h,:2/main", "must name hosts"),
        ("redis+sentinel://h:99999/main", "a port must be a number"),
        ("redis+sentinel://h/main/first", "the number of a database"),
        ("redis+sentinel://h/main?retry=1", "not retry"),
        ("redis+sentinel://h/main?sentinel_password=secret&sentinel_passwort=secret", "not sentinel_passwort"),
        ("redis+sentinel://h/main?sentinel_password", "percent-encoded"),
    ],
)
def test_a_url_that_cannot_be_read_is_refused_in_a_sentence(url: str, sentence: str) -> None:
    """Naming the setting, never the password."""
    with pytest.raises(SettingsError, match=sentence) as caught:
        Link(url)
    assert str(caught.value).startswith("COACHHUB_REDIS_URL cannot be read: ")
    assert "secret" not in str(caught.value)


def test_a_url_of_sentinels_is_taken_apart() -> None:
    """Hosts with their ports, the login, the service, the database."""
    found = sentinels_of(
        "rediss+sentinel://me:p%40ss@a:1,[::1]:2,b/main/3?ssl_ca_certs=/ca.pem&sentinel_password=0%26ne"
    )
    assert found.hosts == (("a", 1), ("::1", 2), ("b", 26_379))
    assert (found.service, found.is_tls, found.tls) == ("main", True, {"ssl_ca_certs": "/ca.pem"})
    assert found.login == {"db": 3, "username": "me", "password": "p@ss"}
    assert found.asked_with == {"password": "0&ne"}
    assert "p@ss" not in repr(found)
    assert "0&ne" not in repr(found)


@contextmanager
def a_tls_server(folder: Path) -> Iterator[tuple[int, list[str]]]:
    """Give a port that speaks TLS only, and what version each handshake agreed on."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    words = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    words += ["-keyout", str(key), "-out", str(certificate), "-subj", "/CN=localhost"]
    words += ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    subprocess.run([openssl, *words], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    agreed: list[str] = []

    def serve() -> None:
        while True:
            try:
                raw, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(raw, server_side=True) as spoken:
                    agreed.append(spoken.version() or "")
                    spoken.recv(10_000)
            except OSError:
                raw.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], agreed
        listener.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.mark.parametrize("shape", ["rediss://{}/0", "rediss+sentinel://{}/main/0"])
def test_a_url_with_tls_speaks_tls(shape: str, tmp_path: Path) -> None:
    """With a server whose certificate it trusts, and not with another: what would be said first is the password."""
    with a_tls_server(tmp_path) as (port, agreed):
        url = shape.format(f"127.0.0.1:{port}")
        for suffix, is_agreed in (("", False), (f"?ssl_ca_certs={tmp_path / 'certificate.pem'}", True)):
            link = Link(url + suffix)
            assert RedisCache(link).get("k") is None
            link.close()
            assert bool(agreed) is is_agreed
    assert set(agreed) <= {"TLSv1.2", "TLSv1.3"}


@pytest.mark.parametrize("shape", ["rediss://:hunter2@h:1/0", "rediss+sentinel://:hunter2@h:1/main/0"])
@pytest.mark.parametrize("word", ["ssl_ca_certs", "ssl_certfile", "ssl_keyfile"])
def test_a_file_of_tls_that_cannot_be_read_is_named(shape: str, word: str, tmp_path: Path) -> None:
    """At the start, with the option it was given for; and so is one that holds no certificates."""
    missing, empty = tmp_path / "nosuch.pem", tmp_path / "empty.pem"
    empty.touch()
    sentence = f"COACHHUB_REDIS_URL names a file for {word} that cannot be read: {missing} (No such file or directory)"
    with pytest.raises(SettingsError) as caught:
        Link(f"{shape}?{word}={missing}")
    assert str(caught.value) == sentence
    if word == "ssl_ca_certs":
        with pytest.raises(SettingsError, match=r"empty\.pem \(it holds no certificates\)"):
            Link(f"{shape}?{word}={empty}")


def _free() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _until(is_so: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


OF_SERVERS: Final = "of-servers"
OF_SENTINELS: Final = "of-sentinels"


def _says(port: int, *words: str, password: str = OF_SERVERS) -> bytes:
    """Ask a server in the words of its protocol; nothing where it is not there."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as asked:
            asked.sendall(f"AUTH {password}\r\n".encode())
            assert asked.recv(100) == b"+OK\r\n"
            asked.sendall(" ".join(words).encode() + b"\r\n")
            return asked.recv(10_000)
    except OSError:
        return b""


@pytest.mark.external_service
def test_when_the_master_is_killed_the_plugin_goes_on_with_the_next(tmp_path: Path) -> None:
    """Cache, counters and bus find the replica that the sentinel has made the master; each asks for a password."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    master, replica, sentinel = _free(), _free(), _free()
    config = tmp_path / "sentinel.conf"
    config.write_text(
        f"port {sentinel}\nbind 127.0.0.1\ndir {tmp_path}\nsentinel monitor main 127.0.0.1 {master} 1\n"
        "sentinel down-after-milliseconds main 500\nsentinel failover-timeout main 3000\n"
        f"sentinel auth-pass main {OF_SERVERS}\nrequirepass {OF_SENTINELS}\n"
    )
    with ExitStack() as stack:

        def start(*words: str) -> subprocess.Popen[bytes]:
            process = subprocess.Popen([program, *words], cwd=tmp_path, stdout=subprocess.DEVNULL, env=dict(os.environ))
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        server = ("--bind", "127.0.0.1", "--save", "", "--repl-diskless-sync-delay", "0")
        server += ("--requirepass", OF_SERVERS, "--masterauth", OF_SERVERS)
        first = start("--port", str(master), *server)
        start("--port", str(replica), *server, "--replicaof", f"127.0.0.1 {master}")
        _until(lambda: b"master_link_status:up" in _says(replica, "INFO", "replication"))
        start(str(config), "--sentinel")
        _until(lambda: b"%d" % replica in _says(sentinel, "SENTINEL", "replicas", "main", password=OF_SENTINELS))

        hosts = f"127.0.0.1:{_free()},127.0.0.1:{sentinel}"  # one sentinel is away
        url = f"redis+sentinel://:{OF_SERVERS}@{hosts}/main/0?sentinel_password={OF_SENTINELS}"
        cache, counters = RedisCache(Link(url)), RedisRateCounters(Link(url))
        bus, heard = RedisBroadcast(Link(url)), Heard()
        for each in (cache, counters, bus):
            stack.callback(each.close)
        cache.set("k", b"before", ttl_seconds=600)
        assert cache.get("k") == b"before"
        bus.subscribe("chat", heard)
        first.kill()
        _until(lambda: b"role:master" in _says(replica, "INFO", "replication"))

        def is_kept() -> bool:
            cache.set("k", b"after", ttl_seconds=600)
            return cache.get("k") == b"after"

        _until(is_kept)
        assert counters.hit("c", limit=10, window_seconds=60).is_allowed

        def is_heard() -> bool:
            bus.publish("chat", b"after")
            return b"after" in heard.payloads

        _until(is_heard)
        assert b"after" in _says(replica, "GET", "k")
