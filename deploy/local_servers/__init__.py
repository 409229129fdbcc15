"""
How each service is started on this machine: in a folder of its own, on 127.0.0.1 alone.

Standard library only. ``deploy/services.py`` is the command; tests start
servers of their own with it, which they kill and freeze as they like.
"""

from __future__ import annotations

from local_servers.elasticsearch import start_elasticsearch
from local_servers.mariadb import start_mariadb
from local_servers.nginx import start_nginx
from local_servers.programs import STARTED, Failed, Missing, free_port, is_alive
from local_servers.redis import start_redis

START = {
    "mariadb": start_mariadb,
    "redis": start_redis,
    "elasticsearch": start_elasticsearch,
    "nginx": start_nginx,
}
"""By name: from folder, port and the command's options to what is to be remembered of it, its ``pid`` above all."""

__all__ = ["START", "STARTED", "Failed", "Missing", "free_port", "is_alive"]
