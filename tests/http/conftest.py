"""The fixtures of the REST tests."""

from http_door import clock, door, hub, settings

__all__ = ["clock", "door", "hub", "settings"]
