"""Runs inside the peer's own environment: the `legacy` algorithm of sortition-algorithms on a list made by the bench.

    python legacy_peer.py list.npz runs

The list: arrays `specialty`, `city`, `employer`, one row for each person, and the quotas `needs` and `bounds`. Its last
line of output is one JSON object: seconds of processor time of each run of `run_stratification`, the call its documentation shows, and of the
algorithm alone within; how many runs found no committee and are not counted; seconds to load the people.
"""

import json
import sys
import time
from importlib.metadata import version

import numpy as np
from sortition_algorithms import run_stratification  # type: ignore[import-not-found]
from sortition_algorithms.committee_generation import legacy  # type: ignore[import-not-found]
from sortition_algorithms.features import (  # type: ignore[import-not-found]
    FeatureValueMinMax,
    set_default_max_flex,
)
from sortition_algorithms.people import People  # type: ignore[import-not-found]
from sortition_algorithms.settings import Settings  # type: ignore[import-not-found]

EMPLOYER = "employer"


def main(file: str, runs: int) -> None:
    """Loads, draws so many times, prints."""
    given = np.load(file)
    features = {
        "specialty": {
            f"s{at}": FeatureValueMinMax(min=n, max=n) for at, n in enumerate(given["needs"].tolist())
        },
        "city": {
            f"c{at}": FeatureValueMinMax(min=least, max=most)
            for at, (least, most) in enumerate(given["bounds"].tolist())
        },
    }
    set_default_max_flex(features)
    started = time.process_time()
    people = People([EMPLOYER])
    rows = zip(given["specialty"].tolist(), given["city"].tolist(), given["employer"].tolist(), strict=True)
    for at, (specialty, city, employer) in enumerate(rows):
        data = {"specialty": f"s{specialty}", "city": f"c{city}", EMPLOYER: f"e{employer}"}
        people.add(f"p{at}", data, features, at)
    loaded = time.process_time() - started
    settings = Settings(
        id_column="id",
        columns_to_keep=[EMPLOYER],
        check_same_address=True,
        check_same_address_columns=[EMPLOYER],
        selection_algorithm="legacy",
        max_attempts=1,
    )
    wanted = int(given["needs"].sum())
    alone = timed_inside()
    seconds: list[float] = []
    failures = 0
    while len(seconds) < runs and failures <= runs:
        alone.clear()
        started = time.process_time()
        success, _, _ = run_stratification(features, people, wanted, settings)
        took = time.process_time() - started
        if success:
            seconds.append(took)
        failures += not success
    found = {"seconds": seconds, "alone": alone[-1], "failures": failures, "loaded": loaded}
    sys.stdout.write("\n" + json.dumps({**found, "version": version("sortition-algorithms")}))


def timed_inside() -> list[float]:
    """Where each attempt of the algorithm itself leaves its time from now on."""
    times: list[float] = []
    attempt = legacy.find_random_sample_legacy_single_attempt

    def timed(*arguments: object) -> object:
        started = time.process_time()
        outcome = attempt(*arguments)
        times.append(time.process_time() - started)
        return outcome

    legacy.find_random_sample_legacy_single_attempt = timed
    return times


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
