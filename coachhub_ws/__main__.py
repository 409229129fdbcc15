"""``python -m coachhub_ws``."""

import sys

from coachhub_ws.server import main

sys.exit(main())
