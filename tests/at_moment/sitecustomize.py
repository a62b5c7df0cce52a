"""Puts the programs that a test starts at the tests' own moment.

Python imports this file before anything else where its folder stands on PYTHONPATH; `tests/conftest.py` puts it there
when the tests run at another moment than the machine's. The product itself has no setting that moves its clock.
"""

import os
from datetime import UTC, datetime, timedelta

from records.clock import running_from

_ahead = timedelta(seconds=float(os.environ["TESTS_CLOCK_AHEAD"]))
_clock = running_from(datetime.now(UTC) + _ahead)  # held: a clock let go would be the machine's again
_clock.__enter__()
