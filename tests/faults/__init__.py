"""
Breaks what CoachHub depends on, and counts what that costs.

``python -m tests.faults --help`` for the seeded faults, ``pytest tests/faults --table`` for the whole table.
"""

from __future__ import annotations

import sys
from pathlib import Path

for _beside in ("", "end_to_end"):  # pytest puts them there itself; ``python -m`` does not
    _folder = str(Path(__file__).resolve().parent.parent / _beside)
    if _folder not in sys.path:
        sys.path.append(_folder)
