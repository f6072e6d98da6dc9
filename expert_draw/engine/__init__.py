"""The draw itself, free of any database, clock or network: the same inputs give the same committee.

One draw from beginning to end, as the service runs it:

    from expert_draw.engine.certificate import certify
    from expert_draw.engine.codes import expert_code, expert_key, group_code
    from expert_draw.engine.pool import Candidate, DrawKind, Level, Pool
    from expert_draw.engine.quota import obstacles
    from expert_draw.engine.record import DrawRecord, Party, RulePack
    from expert_draw.engine.signing import Signer
    from expert_draw.engine.verify import verify_record

    # 1. Who can be drawn for what, in codes. One slot per place, so that venues and seats can follow the experts.
    experts = Pool(
        DrawKind.expert,
        slots=(("1", 1), ("2", 1)),
        candidates=tuple(Candidate(code, groups_in_codes, slots, grounds) for ...),
        levels=(Level((("employer", 1),)),),
    )
    obstacles(experts)                            # () or refusals saying what would have to give

    # 2. Everything is fixed, pinned and published before any chance exists. house: the signer of the service; parties: who
    #    has promised shares; nonce: 32 fresh secret bytes for each list.
    record = DrawRecord.open(
        now, house, number="CQ-2026-000123", suite="sha256", law="uniform-labelled",
        rules=RulePack("cn_tender", "2026.1", sha256_of_pack), parties=parties,
        pools=[(experts, nonce), (venues, nonce), (seats, nonce)],
    )
    record = record.agree(now, house, "supervisor", signature)           # each party, see agree_signature
    record = record.lock(now, house, certify(experts, law, thresholds))
    record = record.approve(now, house, signature)                       # only when there are warnings

    # 3. A round: the parties are called, each reveals its share, every vacancy of every kind is drawn.
    record = record.call(now, house, until)
    record = record.reveal(now, house, "supervisor", share, signature)   # each party, see reveal_signature
    record = record.draw(now, house)
    record.holders                                                       # (kind, slot, code)

    # 4. Answers. Whoever leaves a place takes along what was drawn to fit them; the next round fills all vacancies.
    record = record.outcome(now, house, DrawKind.expert, "1", code, "declined", evidence=sha256_of_proof)
    record = record.draw_reserve(now, house)                             # where reserves were promised
    record = record.declare(now, house, seats_free_now, nonce)           # optional, before a round
    record = record.exclude(now, house, DrawKind.expert, [(code, "employer")])

    # 5. The end.
    record = record.close(now, house)                                    # or record.void(now, house, "pool_exhausted")
    verify_record(record.text(openings=True)).full

Every step returns a new DrawRecord; its `events` are the lines, its `openings` what opens the lists, one row each.
`DrawRecord.trust(lines, openings)` takes the house's own rows back, `DrawRecord.load` those of anyone. `record.phase` says what
can come next. Refusals are `InvalidInput` (mend the request), `DrawInfeasible` (the pool cannot give it) and `RecordBroken`
(not at this point of the draw). docs/draw-record.md describes the format; `slip` and `register` write its other two files.
"""
