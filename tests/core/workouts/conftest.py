"""A house for the service tests of this room."""

from coachhub_core.testing.story import house

__all__ = ["house"]
