"""The example at the head of the engine is true: it runs as it stands there."""

import re
import textwrap

import expert_draw.engine


def test_the_example_of_the_engine_runs_as_it_stands() -> None:
    text = str(expert_draw.engine.__doc__)
    example = re.search(r"\n\n((?:    .*\n|\n)+)", text)
    assert example is not None
    stage: dict[str, object] = {}
    exec(textwrap.dedent(example[1]), stage)  # noqa: S102 -- our own docstring
    assert str(getattr(stage["record"], "phase", "")) == "closed"
