"""``python -m coachhub_http``."""

import sys

from coachhub_http.server import main

sys.exit(main())
