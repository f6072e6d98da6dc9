"""Measures calls and texts against their promises: prints one table, writes it to build/bench-invitations.json.

    python -m tests.bench.invitations [--quick] [part …]

What is lost or doubled under faults and kills is shown by `soak-invitations`.
"""

import sys

from tests.bench import (
    invitations_calls,
    invitations_down,
    invitations_outbox,
    invitations_overload,
    invitations_webhooks,
)
from tests.bench.program import Program

INVITATIONS = Program(
    "bench-invitations",
    "Measure calls and texts.",
    "smaller numbers than promised",
    {
        "webhooks": invitations_webhooks.figures,
        "outbox": invitations_outbox.figures,
        "processor": invitations_calls.processor,
        "promptness": invitations_calls.promptness,
        "down": invitations_down.figures,
        "overload": invitations_overload.figures,
    },
)

if __name__ == "__main__":
    raise SystemExit(INVITATIONS.main(sys.argv[1:]))
