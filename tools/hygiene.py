"""Looks for what must never be committed: secrets, machine paths, registry hosts, other people's files, unfinished work.

Prints one line per finding, `path:line: what`, and ends with status 1 when there is any.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LARGEST = 2_000_000  # bytes; the largest sample file is well below


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing no line may contain, and why."""

    why: str
    pattern: re.Pattern[str]


# Written so that this file does not match itself.
RULES = (
    Rule("a private key", re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    Rule(
        "an access token",
        re.compile(r"\b(AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36}|xox[abpr]-[A-Za-z0-9-]{10,})\b"),
    ),
    Rule(
        "a telephony account",
        re.compile(r"\b(AC|SK)(?!0{32})(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{32}\b"),
    ),
    Rule(
        "a password inside an address", re.compile(r"\b[a-z][a-z0-9+]*://[^\s/:@'\"{}<>$]+:[^\s/@'\"{}<>$]+@")
    ),
    Rule("a path of one machine", re.compile(r"(?<![\w.:/-])/(work|root|tmp|Users|home/\w+)/[\w.]")),
    Rule(
        "the address of a package registry",
        re.compile(
            r"\b(pypi\.(org|io)|pythonhosted\.org|registry\.(npmjs\.org|yarnpkg\.com|npmmirror\.com)|npmmirror\.com"
            r"|mirrors\.(aliyun|tuna|ustc|tencent|cloud)[\w.]*|(deb|security)\.debian\.org|archive\.ubuntu\.com"
            r"|docker\.io|ghcr\.io|quay\.io)\b"
        ),
    ),
    Rule(
        "the address of a content network",
        re.compile(
            r"\b(unpkg\.com|jsdelivr\.net|cdnjs\.\w+|fonts\.(googleapis|gstatic)\.com|code\.jquery\.com)\b"
        ),
    ),
    Rule(
        "a licence banner of somebody else",
        re.compile(r"^\s*/\*!.*(@license|licen[sc]ed under|\(c\) )", re.IGNORECASE),
    ),
    Rule("unfinished work", re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")),
    Rule("a merge conflict", re.compile(r"^(<{7}|>{7}|={7})( |$)")),
)
FOREIGN = re.compile(
    r"(^|/)(node_modules|vendor|\.venv|site-packages)/|\.min\.(js|css)$|\.(whl|pyc|so|woff2?|ttf|otf)$"
)
TEXTLESS = frozenset({".png", ".jpg", ".xlsx", ".mo", ".webm", ".mp4", ".mkv", ".ivf", ".ogg", ".bin", ".db"})
# Texts that are not ours to change.
VERBATIM = frozenset({"LICENSE"})


def files(root: Path) -> list[str]:
    """What git tracks or would track, as paths inside the project; nothing where git is not used."""
    asked = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if asked.returncode:
        print("not a git checkout, so nothing is committed here", file=sys.stderr)
        return []
    return sorted(name for name in asked.stdout.split("\0") if name and (root / name).is_file())


def findings(root: Path) -> Iterator[str]:
    """Every finding in the project, in order of path and line."""
    for name in files(root):
        if FOREIGN.search(name):
            yield f"{name}: somebody else's file, or one made from others"
            continue
        content = (root / name).read_bytes()
        if len(content) > LARGEST:
            yield f"{name}: larger than {LARGEST} bytes"
        if name in VERBATIM or Path(name).suffix in TEXTLESS:
            continue
        try:
            lines = content.decode("utf-8").splitlines()
        except UnicodeDecodeError:
            yield f"{name}: not UTF-8"
            continue
        for number, line in enumerate(lines, start=1):
            for rule in RULES:
                if rule.pattern.search(line):
                    yield f"{name}:{number}: {rule.why}: {line.strip()[:120]}"


def main() -> int:
    """Print what was found; 1 when there is anything."""
    found = list(findings(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT))
    print("\n".join(found) or "nothing found")
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main())
