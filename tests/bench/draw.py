"""Measures the draw against its promises and its peers: prints one table, writes it to build/bench-draw.json.

python -m tests.bench.draw [--quick] [part …]
"""

import sys

from tests.bench import beside_peer, exactness, service_path, speed, tampering, verifier
from tests.bench.program import Program

DRAW = Program(
    "bench-draw",
    "Measure the draw against its targets.",
    "without the peer's pool of a million, which takes minutes",
    {
        "draw": speed.draw_alone,
        "count": speed.exact_count,
        "exactness": exactness.figures,
        "tampering": tampering.figures,
        "verifier": verifier.figures,
        "service": service_path.figures,
        "lists": speed.lists_and_chances,
        "peer": beside_peer.figures,
    },
)

if __name__ == "__main__":
    raise SystemExit(DRAW.main(sys.argv[1:]))
