"""A house for the tests of this room."""

from coachhub_core.testing.story import house

__all__ = ["house"]
