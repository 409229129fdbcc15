"""Settings: one tree, every mistake by its name, no secret in a sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coachhub_core.bootstrap import bootstrap
from coachhub_core.config import Settings, environment_names
from coachhub_core.environment import load_settings, parent_of
from coachhub_core.errors import PluginError, SettingsError
from coachhub_core.signing import with_secret


def test_defaults_run_on_nothing_but_python() -> None:
    """SQLite in the data folder, limits beside it for all processes, everything else in the process."""
    settings = Settings()
    assert settings.database_scheme == "sqlite"
    assert settings.database_url.endswith("/coachhub-data/coachhub.db")
    assert dict(settings.engines) == {
        "cache": "memory",
        "broadcast": "memory",
        "limits": "file",
        "search": "database",
    }


def test_a_given_host_selects_its_engine() -> None:
    """Unless a setting says otherwise."""
    environ = {
        "DB_HOST": "db",
        "DB_PASSWORD": "p@ss/word",
        "REDIS_HOST": "cache",
        "ELASTICSEARCH_URL": "http://es:9200",
    }
    settings = Settings.load(None, environ)
    assert settings.database_url == "mysql://coachhub:p%40ss%2Fword@db:3306/coachhub"
    assert set(settings.engines.values()) == {"redis", "elasticsearch"}
    chosen = Settings.load(None, {**environ, "COACHHUB_SEARCH_ENGINE": "database"})
    assert chosen.engines["search"] == "database"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    """And both say the same things under their own names."""
    file = tmp_path / "coachhub.toml"
    file.write_text(
        'log_level = "debug"\n[http]\nport = 4000\ntrusted_proxies = ["10.0.0.0/8"]\n[matches]\nmax_open = 3\n'
    )
    settings = Settings.load(file, {"PORT": "5000"})
    assert (settings.log_level, settings.http.port, settings.matches.max_open) == ("debug", 5000, 3)
    assert settings.http.trusted_proxies == ("10.0.0.0/8",)


def test_every_mistake_is_named_and_no_secret_is_shown(tmp_path: Path) -> None:
    """All at once."""
    file = tmp_path / "coachhub.toml"
    file.write_text('colour = "blue"\n[http]\nport = "x"\n[auth]\njwt_secret = 5\n')
    with pytest.raises(SettingsError) as caught:
        Settings.load(
            file,
            {"COACHHUB_NONSENSE": "1", "LOG_LEVEL": "loud", "COACHHUB_AUTH_BCRYPT_COST": "9", "DB_PORT": "99999"},
        )
    said = str(caught.value)
    for name in (
        "colour",
        "COACHHUB_NONSENSE",
        "LOG_LEVEL",
        "COACHHUB_AUTH_BCRYPT_COST",
        "DB_PORT",
        "http.port",
        "auth.jwt_secret",
    ):
        assert name in said
    assert "hunter2" not in repr(Settings.load(None, {"JWT_SECRET": "hunter2" * 8}))


@pytest.mark.parametrize(
    "prefix", ["Foo", "É", "a*", "_a", "-a", "+a", "a b", "a/b", "a\\b", 'a"', "a<", "a|", "a,b", "a#", "a:"]
)
def test_a_prefix_that_no_index_can_have_is_refused(prefix: str) -> None:
    """By the setting's name, with the rule; what an index can be called passes."""
    with pytest.raises(SettingsError, match="COACHHUB_ELASTICSEARCH_PREFIX must be lower case, without spaces and"):
        Settings.load(None, {"COACHHUB_ELASTICSEARCH_PREFIX": prefix})
    assert Settings.load(None, {"COACHHUB_ELASTICSEARCH_PREFIX": "é-1_a+"}).elasticsearch.prefix == "é-1_a+"


@pytest.mark.parametrize(
    "url",
    ["ftp://es:9200", "es:9200", "http://", "http://me:hunter2@es", "https://me:hunter2@es:x", "http://a:1,b:2"],
)
def test_an_address_that_is_none_of_elasticsearch_is_refused(url: str) -> None:
    """By the setting's name; its password is not repeated."""
    with pytest.raises(
        SettingsError, match="ELASTICSEARCH_URL must have a scheme, a host, and with http a port"
    ) as caught:
        Settings.load(None, {"ELASTICSEARCH_URL": url})
    assert "hunter2" not in str(caught.value)
    several = "https://me:hunter2@a:9200, http://[::1]:9201, https://proxy/es"
    assert Settings.load(None, {"ELASTICSEARCH_URL": several}).elasticsearch.url == several


@pytest.mark.parametrize(
    "environ",
    [
        {"COACHHUB_PROFILE": "production"},
        {"JWT_SECRET": "short"},
        {"JWT_SECRET": "a" * 64},
        {"JWT_SECRET": "please-change-this-secret-before-production"},
        {"COACHHUB_CACHE_ENGINE": "memcached"},
        {"COACHHUB_MATCHING_MATCHER": "oracle"},
        {"COACHHUB_DATABASE_URL": "postgresql://x/y"},
        {"COACHHUB_FILES": "s3://bucket"},
    ],
    ids=str,
)
def test_a_setting_that_cannot_hold_stops_the_start_by_name(environ: dict[str, str], tmp_path: Path) -> None:
    """In a sentence, before anything is opened."""
    settings = Settings.load(None, {"COACHHUB_DATA": str(tmp_path / "data"), **environ})
    with pytest.raises(SettingsError) as caught:
        bootstrap(settings)
    assert all(value not in str(caught.value) for value in environ.values() if "SECRET" in "".join(environ))


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    """Missing or broken."""
    broken = tmp_path / "broken.toml"
    broken.write_text("[http")
    for file in (tmp_path / "missing.toml", broken):
        with pytest.raises(SettingsError, match=file.name):
            Settings.load(file, {})


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    """Below a regular file, say."""
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(SettingsError, match="data"):
        bootstrap(Settings(data=file / "below"))


def test_development_keeps_its_secret_to_itself(tmp_path: Path) -> None:
    """Made once, mode 600, the same at the next start."""
    settings = Settings(data=tmp_path / "data")
    with bootstrap(settings) as first:
        secret = first.settings.auth.jwt_secret
    kept = tmp_path / "data" / "jwt-secret"
    assert kept.stat().st_mode & 0o777 == 0o600
    with bootstrap(settings) as second:
        assert second.settings.auth.jwt_secret == secret == kept.read_text()


def test_a_secret_that_is_kept_needs_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that is started again while the disk is full reads it, and writes nothing."""
    settings = Settings(data=tmp_path)
    kept = with_secret(settings).jwt_secret
    monkeypatch.setattr(os, "open", lambda *_: 1 / 0)
    assert with_secret(settings).jwt_secret == kept


def test_every_setting_has_a_name_in_the_environment() -> None:
    """The plain ones people already have among them."""
    names = environment_names()
    assert names["COACHHUB_LIMITS_GENERAL"] == "limits.general"
    assert names["PORT"] == names["COACHHUB_HTTP_PORT"] == "http.port"
    assert len(set(names.values())) > 80


def test_a_name_offered_twice_is_refused() -> None:
    """Never by the order of installation."""
    import types

    import coachhub_sqlalchemy
    from coachhub_core.hookspecs import hookimpl

    plugin = types.ModuleType("twice")

    @hookimpl
    def coachhub_caches() -> dict[str, object]:
        return {"memory": object()}

    plugin.coachhub_caches = coachhub_caches  # type: ignore[attr-defined]  # a plugin is any object with hooks
    with pytest.raises(PluginError, match="memory"):
        bootstrap(Settings.in_memory(), plugins=[coachhub_sqlalchemy, plugin])


def test_a_hook_that_does_not_exist_is_refused() -> None:
    """A typo in a plugin is found at the start."""
    import types

    from coachhub_core.hookspecs import hookimpl

    plugin = types.ModuleType("typo")

    @hookimpl
    def coachhub_matchres() -> dict[str, object]:
        return {}

    plugin.coachhub_matchres = coachhub_matchres  # type: ignore[attr-defined]  # a plugin is any object with hooks
    with pytest.raises(PluginError, match="coachhub_matchres"):
        bootstrap(Settings.in_memory(), plugins=[plugin])


def test_the_file_is_looked_for_here_and_then_in_the_data_folder(tmp_path: Path) -> None:
    """An empty name is an absent one; whose child a process is, is no setting."""
    data = tmp_path / "coachhub-data"
    data.mkdir()
    (data / "coachhub.toml").write_text("[matches]\nmax_open = 7\n")
    assert load_settings({"COACHHUB_DATA": "", "COACHHUB_PARENT_PID": "12"}, tmp_path).matches.max_open == 7
    (tmp_path / "coachhub.toml").write_text("[matches]\nmax_open = 8\n")
    assert load_settings({}, tmp_path).matches.max_open == 8
    assert load_settings({"COACHHUB_MATCHES_MAX_OPEN": "9"}, tmp_path).matches.max_open == 9
    told = ({"COACHHUB_PARENT_PID": "12"}, {"COACHHUB_PARENT_PID": "x"}, {})
    assert [parent_of(environ) for environ in told] == [12, None, None]
