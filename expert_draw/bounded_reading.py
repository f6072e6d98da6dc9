"""Reads an uploaded spreadsheet in a process of its own, which ends when it takes too much time or memory.

What is looked for before is in `spreadsheet`; this is for what nobody has thought of. The process gets the file and nothing
else: no setting, no key, no database.
"""

import json
import os
import subprocess
import sys

from app.core.errors import InvalidInput
from app.core.i18n import N_
from expert_draw.spreadsheet import CellTable, read_cells

PATIENCE_S = 60
MOST_MEMORY = 3 * 1024 * 1024 * 1024
_REFUSED = 3


def read_bounded(
    data: bytes, name: str, patience_s: float = PATIENCE_S, memory: int = MOST_MEMORY
) -> CellTable:
    """The cells of an uploaded file, as `spreadsheet.read_cells` gives them. memory: bytes of address space (on Linux)."""
    command = [
        sys.executable,
        "-m",
        "expert_draw.bounded_reading",
        name,
        str(int(patience_s) + 1),
        str(memory),
    ]
    # What is started is ourselves, and the file comes through a pipe.
    environment = {
        "PYTHONPATH": os.pathsep.join(path or "." for path in sys.path),
        "PYTHONIOENCODING": "utf-8",
    }
    if "SYSTEMROOT" in os.environ:
        environment["SYSTEMROOT"] = os.environ["SYSTEMROOT"]  # Windows starts nothing without
    try:
        done = subprocess.run(  # noqa: S603
            command, input=data, capture_output=True, timeout=patience_s, env=environment, check=False
        )
    except subprocess.TimeoutExpired:
        raise _costly(name) from None
    if done.returncode == _REFUSED:
        refusal = json.loads(done.stdout)
        raise InvalidInput(refusal["code"], refusal["message"], refusal["remedy"], **refusal["params"])
    if done.returncode:
        raise _costly(name)
    return tuple(tuple(row) for row in json.loads(done.stdout))


def _costly(name: str) -> InvalidInput:
    return InvalidInput(
        "sheet-costly",
        N_("文件 {name} 读取耗时或占用内存过多"),
        N_("只保留专家名单所在的工作表，另存为 .csv 后再导入"),
        name=name,
    )


def _child(name: str, seconds: int, memory: int) -> int:
    if sys.platform != "win32":
        import resource  # noqa: PLC0415 -- it does not exist on Windows

        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # no memory with personal data is left on disk
    try:
        cells = read_cells(sys.stdin.buffer.read(), name)
    except InvalidInput as refusal:
        said = {
            "code": refusal.code,
            "message": refusal.message,
            "remedy": refusal.remedy,
            "params": refusal.params,
        }
        sys.stdout.write(json.dumps(said))
        return _REFUSED
    sys.stdout.write(json.dumps(cells))
    return 0


if __name__ == "__main__":
    raise SystemExit(_child(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
