"""The browser of the tests: Chromium without a window, a third cheaper to run than the whole program hidden.

The engine, its codecs and its WebRTC are the same package's; `tests.streaming.test_media_clients` and the benchmarks take
the browser as people have it, and so does every test where a distribution has no such package.
"""

from pathlib import Path

SHELL, WHOLE = Path("/usr/bin/chromium-headless-shell"), Path("/usr/bin/chromium")
HEADLESS = str(SHELL if SHELL.exists() else WHOLE)
