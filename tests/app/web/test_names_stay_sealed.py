"""Until the experts are admitted nobody is told who they are: not in any answer to anybody, not in the log, not by the rows."""

from pathlib import Path

from tests.support.names_hunt import hits, hunting, listening


def test_no_role_is_told_a_name_before_admission_by_anything_it_can_open(tmp_path: Path) -> None:
    """Reading only, once everybody has accepted; the soak does it at every step, with acts too, on both databases."""
    with listening() as log, hunting(tmp_path) as hunt:
        hunt.case.ready()
        assert len(hunt.secrets()) == 25
        hunt.look_everywhere("ready", whole=False)
        hunt.look_at_rest("ready", log.getvalue())
        assert hunt.found == []
        assert hunt.answers > 100
        assert log.getvalue()


def test_the_hunt_sees_a_name_however_it_is_spelled(tmp_path: Path) -> None:
    with listening() as log, hunting(tmp_path) as hunt:
        hunt.case.convened()
        for member in hunt.case.members():
            hunt.case.sign_in(member)
        hunt.look_everywhere("admitted", whole=False, only=("host_operator", "supervisor"))
        assert {found.rpartition(" ")[2] for found in hunt.found} == {"host_operator"}
        hunt.look_at_rest("admitted", log.getvalue() + hunt.secrets()[-1])
        assert hunt.found[-1].startswith("admitted: log hold")
    for spelled in (
        "欧阳绝密0001",
        "\\u6b27\\u9633\\u7edd\\u5bc60001",
        "&#27431;阳绝密0001",
        "%E6%AC%A7阳绝密0001",
    ):
        assert hits(f"…{spelled}…", ["欧阳绝密0001"])
    assert not hits("欧阳0001", ["欧阳绝密0001"])
