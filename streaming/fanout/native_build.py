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

HERE = Path(__file__).parent
MODULE = "streaming.fanout._native"

DECLARATIONS = """
typedef struct { void *srtp; uint8_t address[28]; uint32_t address_length; uint32_t payload_type;
                 uint64_t dropped; } viewer_t;
typedef struct { ...; } sender_t;
sender_t *sender_new(void);
void sender_free(sender_t *);
void sender_segmentation(sender_t *, int on);
int fanout_send(sender_t *, void *protect, int fd, viewer_t *viewers, int count, const uint8_t *blob,
                const int *lengths, int packets, int patience);
"""


def build(into: Path = HERE) -> Path:
    """Compile and install the module into a folder; its path. Raises whatever the compiler step raises."""
    ffi = FFI()
    ffi.cdef(DECLARATIONS)
    ffi.set_source(MODULE, (HERE / "native.c").read_text("utf-8"), extra_compile_args=["-O2"])
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
        print(f"未生成本机转发模块 / native fan-out not built: {reason}", file=sys.stderr)
        return 1
    print(f"已生成 / built {target.name}")
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
