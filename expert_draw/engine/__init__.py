"""The draw itself, free of any database, clock or network: the same inputs give the same committee.

One small draw from beginning to end; it runs as it stands here (tests/expert_draw/engine/test_example.py):

    from datetime import UTC, datetime, timedelta
    from fractions import Fraction

    from expert_draw.engine.certificate import Thresholds, certify
    from expert_draw.engine.codes import candidate_code, group_code
    from expert_draw.engine.pool import Candidate, DrawKind, Level, Pool
    from expert_draw.engine.quota import obstacles
    from expert_draw.engine.randomness import chain_anchor, chain_share
    from expert_draw.engine.record import DrawRecord, Party, RulePack, agree_signature, reveal_signature
    from expert_draw.engine.signing import Signer
    from expert_draw.engine.verify import verify_record

    # Secrets; in a real draw 32 random bytes each: the salt of the draw, the key of the house, and a party's key and chain.
    salt, house, nonce = bytes(32), Signer(b"h" * 32), b"n" * 32
    supervisor, secret, rounds = Signer(b"s" * 32), b"c" * 32, 999
    now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)

    # 1. Who can be drawn for what, in codes: twelve people of six employers, three places, one of an employer at most.
    people = tuple(
        Candidate(
            candidate_code(salt, f"expert {n}"),
            groups=(("employer", group_code(salt, "employer", f"employer {n % 6}")),),
            slots=("building", "cost") if n % 3 else ("building",),
            grounds=("employer",) if n == 11 else (),
        )
        for n in range(12)
    )
    experts = Pool(DrawKind.expert, (("building", 2), ("cost", 1)), people, (Level((("employer", 1),)),))
    assert obstacles(experts) == ()  # otherwise refusals that say what would have to give

    # 2. Everything is fixed, pinned and published before there is any chance; the party agrees, the chances are stated.
    record = DrawRecord.open(
        now, house, number="CQ-2026-000123", suite="sha256", law="uniform-labelled",
        rules=RulePack("cn_tender", "2026.1", "0" * 64),
        parties=[Party("supervisor", supervisor.public, chain_anchor(secret, rounds).hex(), "own")],
        pools=[(experts, nonce)],  # venues and seats: further pools that follow this one, slot by slot
    )
    record = record.agree(now, house, "supervisor", agree_signature(supervisor, record.head))
    allowed = Thresholds(depth_ratio=3, greatest_chance=Fraction(1, 2), ten_share=Fraction(1))
    certificate = certify(experts, "uniform-labelled", allowed)
    assert certificate.warnings == ()  # otherwise the supervisor has to `approve`
    record = record.lock(now, house, certificate)

    # 3. A round: the parties are called, each reveals its share, every vacancy is drawn.
    def draw_round(record):
        record = record.call(now, house, until=now + timedelta(minutes=30))
        share = chain_share(secret, rounds, record.open_call.round_no)
        sig = reveal_signature(supervisor, record.open_call.hash, share)
        return record.reveal(now, house, "supervisor", share, sig).draw(now, house)

    record = draw_round(record)

    # 4. Answers. Somebody declines; a further round fills the place, with a fresh share.
    first = record.holders[0]
    record = record.outcome(now, house, first.kind, first.slot, first.code, "declined")
    record = draw_round(record)
    for one in record.holders:
        record = record.outcome(now, house, one.kind, one.slot, one.code, "accepted")

    # 5. The end, and what anybody can check: everything, or as much as the lines alone show.
    record = record.close(now, house)  # or record.void(now, house, "pool_exhausted")
    assert verify_record(record.text(openings=True), record.head, house.public).full
    assert verify_record(record.text(openings=False)).ok

Every step returns a new DrawRecord; its `events` are the lines, its `openings` what opens the lists, one row each.
`DrawRecord.trust(lines, openings)` takes the house's own rows back, `DrawRecord.load` those of anyone. `record.phase` says what
can come next. Refusals are `InvalidInput` (mend the request), `DrawInfeasible` (the pool cannot give it) and `RecordBroken`
(not at this point of the draw). docs/draw-record.md describes the format; `slip` and `register` write its other two files.
"""
