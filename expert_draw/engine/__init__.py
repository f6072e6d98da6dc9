"""The draw itself, free of any database, clock or network: the same inputs give the same committee.

One draw from beginning to end, as the service runs it:

    from expert_draw.engine.avoidance import AvoidanceContext, ExpertFacts, Span, Unit, Units, avoid
    from expert_draw.engine.entries import RulePack
    from expert_draw.engine.pool import Candidate, DrawKind, DrawRequest, Pool, Slot
    from expert_draw.engine.quota import committee_problems, obstacles, shallow_slots
    from expert_draw.engine.randomness import chain_anchor, chain_share
    from expert_draw.engine.record import DrawRecord, code_request
    from expert_draw.engine.verify import verify_record

    # 1. What is asked. One slot per place, keyed by its number, so that venues and seats can follow the experts.
    experts = DrawRequest(
        DrawKind.expert,
        slots=(Slot("1", 1, ids_fit_for_place_1), Slot("2", 1, ids_fit_for_place_2)),
        candidates=tuple(Candidate(id, (("employer", credit_code), ("region", "530600"))) for ...),
        group_caps=(("employer", 1),),
        excluded=avoid(facts, context),          # (id, ground)
    )
    committee_problems(experts=4, others=1)      # () when the rules allow such a committee
    obstacles(experts)                           # () or refusals saying what would have to give

    # 2. Only codes go into the record. salt, secret: 32 random bytes each, sealed with the draw.
    coded, id_of_code = code_request(experts, salt)   # the same salt for experts, venues and seats of one draw

    # 3. Everything is fixed, chained and published before any chance exists. `follows`: the venue of place "1"
    #    shares a region with the expert of place "1", its seat lies in the center of that venue.
    record = DrawRecord.open(
        now, number="CQ-2026-000123", rules=RulePack("cn_tender", "2026.1", sha256_of_pack),
        anchors={"center": chain_anchor(secret, 64)},
        pools=(Pool(coded), Pool(coded_venues, (DrawKind.expert, "region")), Pool(coded_seats, (DrawKind.venue, "center"))),
    )

    # 4. A round: reveals the next share, draws every vacancy of experts, then venues, then seats.
    record = record.draw_round(now, {"center": chain_share(secret, 64, record.next_round)})
    for holder in record.holders:
        holder.kind, holder.slot, id_of_code[holder.candidate.id]

    # 5. Answers. Whoever leaves a place takes along what was drawn to fit them; the next round fills all vacancies.
    record = record.outcome(now, DrawKind.expert, "1", code, "declined", evidence=sha256_of_proof)
    record = record.declare(now, Pool(coded_seats_free_now, (DrawKind.venue, "center")))   # optional, before a round
    record = record.exclude(now, DrawKind.expert, [(code, "employer")])                    # optional, before a round
    record = record.draw_round(now, {"center": chain_share(secret, 64, record.next_round)})

    # 6. The end.
    record = record.close(now)                   # or record.void(now, "pool_exhausted")
    verify_record(record.text).ok

Every step returns a new DrawRecord; its `events` are the lines, one row each (`event.n`, `event.type`, `event.text`).
`DrawRecord.load(lines)` takes them back and checks all of them. Refusals are `InvalidInput` (mend the request),
`DrawInfeasible` (the pool cannot give it) and `RecordBroken` (not at this point of the draw). The format is described in
docs/draw-record.md.

Outcomes of an expert: accepted, declined, expired, unreachable, struck; after accepting withdrawn, no_show, recused,
struck, removed, ill; after having left a place only late. Of a venue or seat: accepted, refused, released, fault.
"""
