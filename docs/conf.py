"""How Sphinx builds these pages: ``sphinx-build -W --keep-going -b html docs OUT``, or ``nox -s docs``."""

from __future__ import annotations

from coachhub_core.version import __version__

project = "CoachHub"
copyright = "the CoachHub contributors, MIT licence"
version = release = __version__

extensions = ["myst_parser"]
exclude_patterns = ["changes/*-*.md", "generating", "_build"]
nitpicky = True

html_theme = "furo"
html_title = "CoachHub"
html_copy_source = False
html_show_sourcelink = False

myst_heading_anchors = 3
myst_enable_extensions = ["fieldlist"]
suppress_warnings: list[str] = []
