"""A house for the tests of this room."""

from cohort_parts import cast

from coachhub_core.testing.story import house

__all__ = ["cast", "house"]
