"""
Close codes, and what a client does on each.

1000 and 1001: done, draining. 1002, 1003, 1007, 1009: the client has a bug. 1011
and 1013: come back later. 4400 to 4403: stop, or refresh (4402). The rest: come
back, after half a minute on 4429, and not at all on 4409.
"""

from __future__ import annotations

from typing import Final

DRAINED: Final = 1001
BINARY: Final = 1003
NOT_TEXT: Final = 1007
TOO_BIG: Final = 1009
OUR_FAULT: Final = 1011
NOT_NOW: Final = 1013
BAD_ENVELOPE: Final = 4400
NOT_AUTHENTICATED: Final = 4401
EXPIRED: Final = 4402
REVOKED: Final = 4403
TOO_LATE: Final = 4408
TOO_MANY: Final = 4409
TOO_SLOW: Final = 4413
FLOOD: Final = 4429
