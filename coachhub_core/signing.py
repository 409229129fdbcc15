"""The secret that signs tokens: given, or made once and kept where nobody else reads it."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any, Final

import attrs

from coachhub_core import security
from coachhub_core.config import Settings
from coachhub_core.errors import SettingsError

SECRET_FILE: Final = "jwt-secret"  # noqa: S105 - the file's name


def with_secret(settings: Settings) -> Any:
    """Return the auth settings with a secret that holds: given, or in development made once and kept with mode 600."""
    auth = settings.auth
    if not auth.jwt_secret:
        if settings.profile == "production":
            raise SettingsError.of(["JWT_SECRET must be given in the production profile"])
        secret = security.new_secret() if settings.data is None else _kept_secret(settings.data)
        auth = attrs.evolve(auth, jwt_secret=secret)
    security.check_secret(auth.jwt_secret)
    for secret in auth.previous_secrets:
        security.check_secret(secret, "auth.previous_secrets")
    return auth


def _kept_secret(data: Path) -> str:
    file = data / SECRET_FILE
    try:
        if file.exists():
            return file.read_text(encoding="ascii").strip()  # also where there is no room for another
        data.mkdir(parents=True, exist_ok=True)
        try:
            # whole before it has its name: of several processes that start at once, all read the same one
            temporary = data / f".{SECRET_FILE}.{os.getpid()}.{threading.get_ident()}"
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as out:
                out.write(security.new_secret())
                out.flush()
                os.fsync(out.fileno())
            try:
                os.link(temporary, file)
            finally:
                temporary.unlink()
        except FileExistsError:
            pass
        return file.read_text(encoding="ascii").strip()
    except OSError as exc:
        raise SettingsError.of([f"data: the folder {data} cannot be used: {exc.strerror}"]) from exc
