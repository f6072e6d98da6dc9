"""The security inventory names every file that uses cryptography or asks for chance, and no file that is not there."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "inventory.md"
PARTS = ("app", "expert_draw", "recordings", "venue")
LIBRARIES = {"OpenSSL", "argon2", "cryptography", "hashlib", "hmac", "pylibsrtp", "pyotp", "rfc3161_client", "secrets", "ssl"}  # fmt: skip


def listed() -> set[str]:
    algorithms = PAGE.read_text(encoding="utf-8").split("## Algorithms")[1].split("\n## ")[0]
    return set(re.findall(r"`([\w/]+\.py)`", algorithms))


def used(source: str) -> set[str]:
    """The cryptographic libraries that a module imports anywhere."""
    found: set[str] = set()
    if not any(name in source for name in LIBRARIES):
        return found
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(one.name.partition(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(str(node.module).partition(".")[0])
    return found & LIBRARIES


def test_every_use_of_cryptography_is_in_the_inventory() -> None:
    uses = {
        path.relative_to(ROOT).as_posix()
        for part in PARTS
        for path in (ROOT / part).rglob("*.py")
        if used(path.read_text(encoding="utf-8"))
    }
    assert len(uses) > 30
    assert uses <= listed(), f"not in docs/inventory.md, Algorithms: {sorted(uses - listed())}"


def test_the_inventory_names_only_files_that_are_there() -> None:
    assert [path for path in listed() if not (ROOT / path).is_file()] == []


def test_the_search_sees_imports_wherever_they_stand() -> None:
    assert used("def f():\n    from hashlib import sha256\n") == {"hashlib"}
    assert used("import cryptography.x509 as c, os\nfrom .secrets import x\n") == {"cryptography"}
