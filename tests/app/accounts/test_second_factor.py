"""Codes count once and soon, recovery codes once; what is offered to one visitor is confirmed by no other."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import select

from app.accounts import second_factor
from app.accounts.models import Account, RecoveryCode, SecondFactor
from tests.support.accounts import add_account
from tests.support.authenticators import Authenticator, authenticator
from tests.support.world import World, make_world


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder: Path = tmp_path_factory.mktemp("factors")
    world = make_world(folder, experts=0)
    yield world
    world.database.dispose()


@pytest.fixture
def world(made: World) -> World:
    """The account begins anew without any factor."""
    with made.transaction() as session:
        if session.get(Account, "li") is None:
            add_account(session, made.now())
        second_factor.remove(session, "li")
    return made


def accepts(world: World, code: str) -> bool:
    with world.transaction() as session:
        return second_factor.accept(session, world.sealer, world.now(), "li", code)


def recovers(world: World, code: str) -> bool:
    with world.transaction() as session:
        return second_factor.recover(session, world.sealer, world.now(), "li", code)


def codes(world: World) -> tuple[str, ...]:
    with world.transaction() as session:
        return second_factor.new_recovery_codes(session, world.sealer, "li")


def test_a_code_counts_once(world: World) -> None:
    phone = authenticator(world, "li")
    assert accepts(world, phone.code())
    assert not accepts(world, phone.code())
    world.clock.advance(30)
    assert not accepts(world, phone.code(-1)), "it is still within its window, and was used"
    assert accepts(world, f"{phone.code()[:3]} {phone.code()[3:]}"), "as people type it"


@pytest.mark.parametrize(("steps", "right"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_differ_by_one_step(world: World, steps: int, right: bool) -> None:
    phone = authenticator(world, "li")
    world.clock.advance(60)  # the code that confirmed it lies behind
    assert accepts(world, phone.code(steps)) is right


def test_a_code_of_the_next_step_makes_those_before_it_void(world: World) -> None:
    phone = authenticator(world, "li")
    assert accepts(world, phone.code(1))
    assert not accepts(world, phone.code())


@pytest.mark.parametrize("code", ["", "12345", "1234567", "abcdef", "０００", "1" * 400])
def test_what_is_no_code_is_none(world: World, code: str) -> None:
    authenticator(world, "li")
    assert not accepts(world, code)


def test_without_a_factor_no_code_is_right(world: World) -> None:
    assert not accepts(world, "000000")
    assert not recovers(world, "")


def test_what_is_offered_to_one_is_confirmed_by_no_other_and_not_for_long(world: World) -> None:
    def offer(holder: str) -> Authenticator:
        with world.transaction() as session:
            secret = second_factor.offer(
                session, world.sealer, world.now(), account_id="li", login="li", holder=holder
            ).secret
        return Authenticator(secret, world.now)

    def confirm(holder: str, code: str) -> bool:
        with world.transaction() as session:
            return second_factor.confirm(
                session, world.sealer, world.now(), account_id="li", holder=holder, code=code
            )

    owner, other = offer("owner"), offer("other")
    assert offer("owner").secret == owner.secret != other.secret
    assert not confirm("other", owner.code())
    world.clock.advance(900)
    assert not confirm("owner", owner.code())
    owner = offer("owner")
    assert confirm("owner", owner.code())
    assert not confirm("other", other.code()), "the offer went with the confirmation"
    with world.database.reading() as session:
        (kept,) = session.exec(select(SecondFactor)).all()
    assert owner.secret not in repr(kept)


def test_a_recovery_code_works_once_as_people_write_it_and_its_holder_is_told(world: World) -> None:
    authenticator(world, "li")
    first, second, *others = codes(world)
    assert len({first, second, *others}) == 10
    assert recovers(world, f" {first.upper().replace('-', ' ')} ")
    assert not recovers(world, first)
    with world.database.reading() as session:
        standing = second_factor.standing(session, "li")
        stored = repr(session.exec(select(RecoveryCode)).all())
    assert (standing.codes_left, standing.recovered_at) == (9, world.now())
    assert not any(code in stored for code in (first, second, *others))
    codes(world)
    assert not recovers(world, second), "new codes make the earlier ones void"
    with world.transaction() as session:
        second_factor.told(session, "li")
        assert second_factor.standing(session, "li").recovered_at is None


def test_a_factor_that_was_taken_away_proves_nothing(world: World) -> None:
    phone, (code, *_) = authenticator(world, "li"), codes(world)
    with world.transaction() as session:
        second_factor.remove(session, "li")
        assert second_factor.standing(session, "li") == second_factor.Standing(None, 0, None)
    assert not accepts(world, phone.code())
    assert not recovers(world, code)
