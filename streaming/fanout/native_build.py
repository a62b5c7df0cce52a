"""Build the native fan-out beside this file: `python -m streaming.fanout.native_build`.

Exits 1 with one line where there is no working compiler, and leaves nothing half-built: everything
happens in a temporary folder, and only the finished module is moved into place.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path

from cffi import FFI

from messages import local

HERE = Path(__file__).parent
MODULE = "streaming.fanout._native"

SOURCES = ("lines.c", "native.c")
DECLARATIONS = """
typedef struct { ...; } line_t;
typedef struct { ...; } group_t;
typedef struct { ...; } sender_t;
line_t *line_new(void *srtp);
void line_free(line_t *);
void line_move(line_t *, const uint8_t *address, uint32_t length, const uint8_t *source, uint32_t source_length);
void line_close(line_t *);
uint64_t line_dropped(line_t *);
int line_send(line_t *, void *protect, int fd, uint8_t *data, int length);
group_t *group_new(void);
void group_free(group_t *);
uint64_t group_sent(group_t *);
int group_add(group_t *, line_t *, uint32_t payload_type);
int group_remove(group_t *, line_t *);
int group_send(sender_t *, group_t *, const uint8_t *blob, int size, const int *lengths, int packets);
sender_t *sender_new(int fd, void *protect, int wait_ms);
void sender_free(sender_t *);
void sender_segmentation(sender_t *, int on);
void sender_drain(sender_t *);
uint64_t sender_stale(sender_t *);
int64_t sender_late_ms(sender_t *);
"""


def build(into: Path = HERE) -> Path:
    """Compile and install the module into a folder; its path. Raises whatever the compiler step raises."""
    ffi = FFI()
    ffi.cdef(DECLARATIONS)
    source = "".join((HERE / name).read_text("utf-8") for name in SOURCES)
    ffi.set_source(MODULE, source, extra_compile_args=["-O2", "-pthread"], extra_link_args=["-pthread"])
    with tempfile.TemporaryDirectory() as folder:
        built = Path(ffi.compile(tmpdir=folder, verbose=False))
        target = into / f"_native{sysconfig.get_config_var('EXT_SUFFIX')}"
        partial = target.with_suffix(".part")
        try:
            shutil.copyfile(built, partial)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    return target


def main() -> int:
    noise = io.StringIO()
    try:
        with contextlib.redirect_stdout(noise), contextlib.redirect_stderr(noise), _quiet():
            target = build()
    except (Exception, SystemExit) as error:  # noqa: BLE001 - distutils fails in many ways; all mean the same here
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        print(local("media.not_built", reason=reason), file=sys.stderr)
        return 1
    print(local("media.built", name=target.name))
    return 0


@contextlib.contextmanager
def _quiet():  # type: ignore[no-untyped-def]
    """Send the compiler's own output (another process, so not sys.stderr) to nowhere."""
    saved = [os.dup(1), os.dup(2)]
    with open(os.devnull, "w") as sink:  # noqa: PTH123
        try:
            os.dup2(sink.fileno(), 1)
            os.dup2(sink.fileno(), 2)
            yield
        finally:
            for number, copy in zip((1, 2), saved, strict=True):
                os.dup2(copy, number)
                os.close(copy)


if __name__ == "__main__":
    sys.exit(main())
