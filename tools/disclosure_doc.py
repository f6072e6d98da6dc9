"""Writes docs/disclosure.md from the disclosure matrix itself, so that the page cannot say anything else than the program does."""

from app.evaluation.disclosure import MATRIX, Cell, Field, Form, Moment, Viewer
from tools.made_page import MadePage

OPENING = """# Who may see what, and from when (信息披露矩阵)

One table in the code (`app/evaluation/disclosure.py`) decides what the answers about an evaluation contain; this page is
made from it by `make fix`. An empty cell is never shown; what stands beside a † is allowed and
not built yet: nothing in the program shows it. Who is none of these readers (keepers of the roster, administrators)
sees nothing of an evaluation. Which acts somebody may do at all is another table: [roles](permissions.md).

Names are sealed under a key of their own draw until they are released: when their expert is admitted, when the evaluation is
over, or early by two persons who both say why (`evaluations/…/names`). A release is a row that is never altered and a line in
the audit trail; without one the program cannot read a name, whatever this table says. Opened early, names are told only to a
reader who says why they look, and each look is in the trail. "Closed" is closed or sealed: an evaluation that was given up,
which one person does at any time, tells nobody a name; its rows are then counted for the experts' cards and nothing more.

The roster is no part of an evaluation: whoever keeps it sees its people masked, and in clear by an act with a reason that stays in
the trail (`person:unmask`). Nobody else has that act, supervisors neither: they would know a phone without a second person.
"""
FIELDS = {
    Field.bidder_list: "List of bidders (投标人名单)",
    Field.draw_proof: "Draw record (抽取记录)",
    Field.drawn_names: "Who was drawn (专家名单)",
    Field.guest_venue: "Where an expert sits (副场)",
    Field.live_media: "Live picture and sound (实时音视频)",
    Field.personal_numbers: "Phone and identity number (电话、证件号)",
    Field.pool_statistics: "Depth of the pool (专家库数量)",
    Field.project_identity: "Which project (项目)",
    Field.recordings: "Recordings (录音录像)",
}
VIEWERS = {
    Viewer.agency: "Agency, tenderee (代理、招标人)",
    Viewer.archivist: "Archivist (档案)",
    Viewer.auditor: "Auditor (审计)",
    Viewer.draw_supervisor: "Draw supervisor (抽取监督)",
    Viewer.expert: "Expert (专家)",
    Viewer.guest_operator: "Guest operator (副场)",
    Viewer.host_operator: "Host operator (主场)",
    Viewer.inspector: "Inspector (检查)",
    Viewer.public: "Public (公众)",
    Viewer.supervisor: "Supervisor (行政监督)",
    Viewer.witness: "Witness (见证)",
}
FORMS = {
    Form.bands: "in coarse steps",
    Form.clips: "single pieces on request",
    Form.codes: "by code",
    Form.commitment: "the hash that binds it",
    Form.depth: "how many, none below five",
    Form.full: "whole",
    Form.lines: "every line in codes, without lists",
    Form.listed: "that it is there, how long and large",
    Form.masked: "masked",
    Form.nothing: "",
    Form.room_camera: "the room's camera only",
    Form.sealed: "that and since when it is there",
}
MOMENTS = {
    Moment.admitted: "once their expert is admitted",
    Moment.always: "always",
    Moment.checked_in: "while the expert shows their papers",
    Moment.closed: "once it is closed",
    Moment.drawn: "once the draw is over",
    Moment.oneself: "one's own",
    Moment.opened: "once it is opened",
    Moment.own_venue: "in one's own center, once admitted",
    Moment.pledged: "once they have taken their seat",
    Moment.published: "once published",
    Moment.unsealed: "opened early by two persons",
}


def cell(steps: Cell) -> str:
    """What a reader sees, step by step."""
    return "; ".join(
        f"{MOMENTS[step.moment]}: {FORMS[step.form]}{'' if step.built else ' †'}" for step in steps
    )


def page() -> str:
    """The whole page."""
    parts = [OPENING]
    for field in Field:
        parts.append(f"## {FIELDS[field]}\n\n| Reader | Sees |\n|---|---|")
        parts += [
            f"| {VIEWERS[viewer]} | {cell(MATRIX[field][viewer])} |"
            for viewer in Viewer
            if viewer in MATRIX[field]
        ]
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


PAGE = MadePage("disclosure.md", page)

if __name__ == "__main__":
    raise SystemExit(PAGE.main())
