"""Who is signed in as me, ending it, my password; and when a session ends by itself."""

import asyncio
from datetime import timedelta

from app.accounts import sessions
from app.accounts.entering import NO_PASSWORD
from app.accounts.models import Account
from app.accounts.permissions import Role
from app.audit import service as audit
from app.audit.tags import Tag
from app.jobs.revocations import Revocations
from tests.support.web import PASSWORD, WebHouse
from venue.models import Center

OPERATOR = Role.host_operator
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
NEW = "four unrelated words"


def tags(house: WebHouse) -> list[str]:
    with house.world.database.reading() as session:
        return [e.tag for e in audit.trail(session, "house") if e.tag.startswith("accounts:")]


def opened(house: WebHouse) -> tuple[sessions.Open, ...]:
    account = house.account(OPERATOR)
    with house.world.database.reading() as session:
        return sessions.open_of(session, house.world.now(), account.id)


def test_my_sessions_say_from_where_and_by_what_and_each_can_be_ended(house: WebHouse) -> None:
    phone, visitor = house.phone(OPERATOR), house.visitor()
    visitor.headers["User-Agent"] = CHROME
    visitor.post("/sign-in", data={"login": OPERATOR, "password": PASSWORD})
    visitor.post("/sign-in/second-factor", data={"code": phone.code()})
    house.world.clock.advance(1)
    other, third, stranger = house.visitor(OPERATOR), house.visitor(OPERATOR), house.visitor(Role.supervisor)
    page = visitor.get("/account/sessions?lang=en").text
    assert all(words in page for words in ("Chrome · Windows", "testclient", "This one"))
    theirs = next(one.id for one in opened(house) if one.how == "password")
    assert stranger.post(f"/account/sessions/{theirs}/end").status_code == 303
    assert visitor.get("/today").status_code == 200, "nobody ends a session that is not theirs"
    assert other.post(f"/account/sessions/{theirs}/end").status_code == 303
    assert visitor.get("/today").status_code == 303
    assert other.post("/account/sessions/end-others").status_code == 303
    assert [other.get("/today").status_code, third.get("/today").status_code] == [200, 303]
    assert tags(house).count(Tag.account_session_ended) == 2


def test_whoever_found_an_open_session_cannot_throw_its_owner_out(house: WebHouse) -> None:
    found, owner = house.visitor(OPERATOR, proved=False), house.visitor(OPERATOR)
    for one in opened(house):
        asked = found.post(f"/account/sessions/{one.id}/end")
        assert asked.headers["location"].startswith("/step-up")
    assert found.post("/account/sessions/end-others").headers["location"].startswith("/step-up")
    assert owner.get("/today").status_code == 200
    assert owner.post("/account/sessions/end-others").headers["location"] == "/account/sessions"
    assert found.get("/today").status_code == 303


def test_another_password_ends_the_other_sessions_and_the_former_opens_nothing(house: WebHouse) -> None:
    visitor, other = house.visitor(OPERATOR), house.visitor(OPERATOR)

    def change(password: str, new: str, again: str) -> int:
        data = {"password": password, "new": new, "again": again}
        return visitor.post("/account/password", data=data).status_code

    assert [
        change("no", NEW, NEW),
        change(PASSWORD, NEW, f"{NEW}!"),
        change(PASSWORD, "short", "short"),
        change(PASSWORD, f"{OPERATOR}", f"{OPERATOR}"),
    ] == [422] * 4
    assert other.get("/today").status_code == 200
    assert change(PASSWORD, NEW, NEW) == 303
    assert [visitor.get("/today").status_code, other.get("/today").status_code] == [200, 303]
    assert house.visitor().post("/sign-in", data={"login": OPERATOR, "password": PASSWORD}).status_code == 401
    assert house.visitor().post("/sign-in", data={"login": OPERATOR, "password": NEW}).status_code == 303
    assert Tag.account_password_set in tags(house)


def test_a_first_password_is_chosen_by_who_has_just_proved_themselves(house: WebHouse) -> None:
    account = house.account(OPERATOR)
    with house.world.transaction() as session:
        session.merge(account).password_hash = NO_PASSWORD
    data = {"new": NEW, "again": NEW}
    found = house.visitor(OPERATOR, proved=False).post("/account/password", data=data)
    assert found.headers["location"].startswith("/step-up")
    chosen = house.visitor(OPERATOR).post("/account/password", data=data)
    assert chosen.headers["location"] == "/account/sessions"


def test_an_open_session_is_no_place_to_guess_the_password_at(house: WebHouse) -> None:
    visitor = house.visitor(OPERATOR)
    for password in ["no"] * house.settings.accounts.sign_in_tries + [PASSWORD]:
        data = {"password": password, "new": NEW, "again": NEW}
        assert visitor.post("/account/password", data=data).status_code == 422


def test_a_session_left_alone_ends_and_what_a_page_does_by_itself_is_no_use_of_it(house: WebHouse) -> None:
    idle = house.settings.accounts.idle_minutes

    def signed_in() -> dict[str, str]:
        with house.world.transaction() as session:
            account = session.get_one(Account, house.accounts[OPERATOR].id)
            token = sessions.open_for_account(
                session,
                house.world.sealer,
                house.world.now(),
                account,
                timedelta(hours=12),
                idle=timedelta(minutes=idle),
            )
        return {"yuanping": token}

    house.account(OPERATOR)
    used, left = house.visitor(), house.visitor()
    used.cookies.update(signed_in())
    left.cookies.update(signed_in())
    for _ in range(3):
        house.world.clock.advance((idle - 1) * 20)
        assert used.get("/today").status_code == 200
        assert left.get("/today", headers={"Sec-Fetch-Mode": "cors"}).status_code == 200
    house.world.clock.advance(60)
    assert used.post("/account/here").status_code == 204
    assert left.get("/today").status_code == 303
    house.world.clock.advance(idle * 60 - 1)
    assert used.get("/today").status_code == 200
    house.world.clock.advance(timedelta(hours=12).total_seconds())
    assert used.get("/today").status_code == 303


def test_a_use_is_written_down_at_most_once_a_minute(house: WebHouse) -> None:
    visitor = house.visitor(OPERATOR)
    (before,) = opened(house)
    house.world.clock.advance(59)
    visitor.get("/today")
    assert opened(house) == (before,)
    house.world.clock.advance(1)
    writer = Revocations(house.world.database, house.world.clock, house.application.state.uses)
    asyncio.run(writer.write_down())
    assert opened(house) == (before,)
    visitor.get("/today")
    assert opened(house) == (before,), "to look at a page waits for no writer"
    used_at = house.world.now()
    house.world.clock.advance(1)
    asyncio.run(writer.write_down())
    assert opened(house)[0].last_seen_at == used_at
    assert not house.application.state.uses.waiting()


def test_an_expert_has_no_account_pages(house: WebHouse) -> None:
    visitor, world = house.visitor(), house.world
    with world.transaction() as session:
        token = sessions.open_for_member(
            session,
            world.sealer,
            world.now(),
            member_id="member",
            evaluation_id="evaluation",
            lifetime=timedelta(hours=8),
        )
    visitor.cookies.set(sessions.cookie_name(secure=False), token)
    for path in ("/account/sessions", "/account/second-factor", "/account/password", "/step-up"):
        assert visitor.get(path).status_code == 404


def test_the_name_of_a_center_is_no_password(house: WebHouse) -> None:
    with house.world.transaction() as session:
        session.get_one(Center, house.world.host_id).name = "Pearl River Hall"
    visitor = house.visitor(OPERATOR)
    for new, status in (("Pearl River Hall 77", 422), ("pears and rivers and halls", 303)):
        data = {"password": PASSWORD, "new": new, "again": new}
        assert visitor.post("/account/password", data=data).status_code == status
