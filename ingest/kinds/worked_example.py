"""Opening events explained: when each may happen, what it carries, and one opening told from project to end."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from messages import Message
from records import chain, draw, events
from records.states import OPENING_STATES, OPENING_STEPS, STAGES, Step

_DAY = "2026-05-06"
_LAW = Message("docs.law")
_POOL = ["0.955", "0.965", "0.975"]
_SEEDS = [hashlib.sha256(f"示例种子{no}".encode()).hexdigest() for no in (1, 2)]

Steps = list[tuple[str, str, dict[str, Any]]]
"""Events of the example: type, time of day, payload."""


def when(kind: str) -> str:
    """When an event may happen and what it makes of the opening, in words."""
    step = OPENING_STEPS[kind]
    before = f"{_states(step)} · {_stages(step)}"
    after = " · ".join(part for part in (step.to_state, step.to_stage) if part)
    return (
        f"{before}{f' → {after}' if after else ''}{f'；{_LAW.documented()}' if step.after_deadline else ''}"
    )


def _states(step: Step) -> str:
    return ", ".join(state for state in OPENING_STATES if state in step.states)


def _stages(step: Step) -> str:
    stages = [stage for stage in STAGES if stage in step.stages]
    return stages[0] if len(stages) == 1 else f"{stages[0]} … {stages[-1]}"


def payload(kind: str) -> str:
    """The fields of an event's payload; required ones first, with an asterisk."""
    fields = events.MODELS[kind].model_fields
    required = [f"`{name}`*" for name, field in fields.items() if field.is_required()]
    return ", ".join([*required, *(f"`{name}`" for name, field in fields.items() if not field.is_required())])


def _said(kind: str, key: str, at: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "key": key, "version": 1, "occurred_at": f"{_DAY}T{at}+08:00", "data": data}


def _firms() -> list[dict[str, Any]]:
    deadline = f"{_DAY}T09:30:00+08:00"
    lot = {
        "project": "P-1",
        "name": "示例学校一标段",
        "tenderer": "T-1",
        "centre": "C-1",
        "deadline": deadline,
        "control_price": "1000000",
    }
    return [
        _said("centre", "C-1", "08:00:00", {"name": "示例交易中心"}),
        _said("room", "R-1", "08:00:00", {"centre": "C-1", "name": "开标一室"}),
        _said("organisation", "T-1", "08:00:00", {"name": "示例城建", "roles": ["tenderer"]}),
        *(_said("organisation", f"B-{n}", "08:00:00", {"name": f"示例建设第{n}公司", "roles": ["bidder"]}) for n in (1, 2, 3)),
        _said("project", "P-1", "08:00:00", {"name": "示例学校", "tenderer": "T-1"}),
        _said("lot", "L-1", "08:00:00", lot),
        _said("opening", "O-1", "08:10:00", {"lot": "L-1", "room": "R-1", "scheduled_at": deadline}),
        *(_said("bid", f"L-1-{n}", f"09:0{n}:00", {
            "lot": "L-1", "bidder": f"B-{n}", "received_at": f"{_DAY}T09:0{n}:00+08:00", "decrypt_status": "success",
        }) for n in (1, 2, 3)),
    ]  # fmt: skip


def _names() -> list[dict[str, Any]]:
    return [{"no": n, "name": f"示例建设第{n}公司"} for n in (1, 2, 3)]


def _until_decrypted() -> Steps:
    """Two people commit to a seed each before the deadline; the list; the last decryption, on which the draw hangs."""
    committed = [{"no": no, "seed_sha256": draw.commitment(seed)} for no, seed in enumerate(_SEEDS, start=1)]
    return [
        ("sign_in", "09:20:00", {"count": 3}),
        *(("coefficient_committed", f"09:2{one['no']}:30", {**one, "kind": "浮动系数", "pool": _POOL}) for one in committed),
        ("bidders_published", "09:30:05", {"count": 3, "bidders": _names()}),
        ("decrypt_progress", "09:35:00", {"done": 3, "failed": 0, "total": 3}),
    ]  # fmt: skip


def _head_after_decryption() -> str:
    """The chain head after the last decryption, as anybody computes it from the public feed."""
    announced = {"scheduled_at": f"{_DAY}T09:30:00+08:00", "title": "示例学校一标段", "room": "R-1"}
    head = chain.genesis("opening/O-1")
    steps: Steps = [("scheduled", "08:10:00", announced), *_until_decrypted()]
    for seq, (kind, at, said) in enumerate(steps, start=1):
        ts = datetime.fromisoformat(f"{_DAY}T{at}+08:00")
        head = chain.link(head, chain.event_body("O-1", seq, ts, kind, events.public_payload(kind, said)))
    return head


def _drawn() -> Steps:
    """Both seeds are revealed, and the result is what they and the chain head give."""
    index = draw.drawn(_SEEDS, _head_after_decryption(), len(_POOL))
    revealed = [{"no": no, "seed": seed, "kind": "浮动系数"} for no, seed in enumerate(_SEEDS, start=1)]
    result = {"kind": "浮动系数", "value": _POOL[index], "pool": _POOL, "index": index}
    return [
        *(("coefficient_revealed", f"09:37:{one['no']}0", one) for one in revealed),
        ("coefficient_drawn", "09:38:00", result),
    ]


def _steps() -> Steps:
    names = _names()
    read = [
        (
            "bid_read",
            f"09:4{line['no']}:00",
            {**line, "price": f"{960000 + 1000 * int(line['no'])}", "duration_days": 90},
        )
        for line in names
    ]
    return [
        *_until_decrypted(),
        ("control_price", "09:36:00", {"amount": "1000000", "normal": 3, "over": 0}),
        *_drawn(),
        ("paused", "09:39:00", {"reason": "核对封袋"}),
        ("resumed", "09:40:00", {}),
        *read,
        ("bid_corrected", "09:44:00", {**names[2], "price": "963500", "duration_days": 90, "reason": "唱标口误"}),
        ("objection", "09:45:00", {"no": 1, "content": "请核对第二家的工期。"}),
        ("objection_answered", "09:46:00", {"no": 1, "answer": "已核对，为 90 日。"}),
        ("record_confirmed", "09:50:00", {"rows": 3, "signed": 3}),
        ("ended", "09:51:00", {"result": "opened"}),
    ]  # fmt: skip


def example() -> list[dict[str, Any]]:
    """One opening as a platform reports it, in order. The announcement is made here."""
    records = [
        _said("opening_event", f"O-1#{number:02d}", at, {"opening": "O-1", "type": kind, "payload": said})
        for number, (kind, at, said) in enumerate(_steps(), start=1)
    ]
    return [*_firms(), *records]


def section() -> str:
    """The part of docs/records.md about opening events."""
    lines = [
        "## 开标事件逐一说明 / Opening events, one by one", "",
        "一场开标依次处于若干状态和阶段；不合次序的事件拒收，并说明当前状态。带 * 的字段必填。`scheduled` 由 `opening` 记录产生，`sealed` 由直播平台在录像封存时"
        "自行记录。事件时间不得晚于本机时钟 5 秒以上，也不得早于上一事件（相差不到 1 秒视为同时；台席同时也在操作的，迟到 30 秒以内照收，排在其后）；同一号只有一家、同一家只有一个号，且在已公布的名单中，各项数目与名单相符。异议依次编号，答复与保留须指已提出的异议，更正须指这一家的唱标（`corrects` 不写的由本平台补上）。系数须在候选值之内；已承诺的抽取未完成时不得另行抽取，记录也不能确认。依法不得为而平台报来的（不足三家即开标、限价与招标文件不一致、未抽系数即唱标、可开标而记为流标等）照收，答复的 `note` 写明，台席标出。名单不早于投标截止，也不早于已公布的开标时间。签到在公布投标人名单之前不公开。",
        "An opening passes through states and stages; an event out of order is refused with the present ones. Fields with * are "
        "required. `scheduled` comes from the `opening` record, `sealed` from the hub once the recording is sealed. No event is more than 5 s ahead of our clock "
        "or before the one that stands last (less than 1 s apart counts as together; while a host is at work too, what comes up to 30 s late is kept behind it); a number is one bidder and stands in the list, and counts agree with it. "
        "Objections are numbered in turn, an answer names one that was raised, a correction a reading of its bid (filled in where `corrects` is missing). A coefficient is one of "
        "its candidates; while a draw that was committed to is open there is no other, and the record is not confirmed. What the law lets nobody do and a platform reports all the "
        "same (opened with fewer than three, another ceiling than published, read before the draw, failed with bidders enough …) is kept: the answer's `note` says so, and the desk. The list comes "
        "neither before the deadline nor before the time announced for the opening. Sign-ins are not public before the list.",
        "", "| 类型 type | 何时可以发生 → 之后 / when → then | 内容 payload | 含义 meaning |", "|---|---|---|---|",
    ]  # fmt: skip
    for kind, model in events.MODELS.items():
        meaning = " ".join((model.__doc__ or "").split()).replace("|", "\\|")
        lines.append(f"| `{kind}` | {when(kind)} | {payload(kind) or '—'} | {meaning} |")
    lines += [
        "", "### 一场开标，从项目到结束 / One opening, from project to end", "",
        "逐行即一条记录，按此顺序 `POST /records`（NDJSON）即可；每条在其时刻到来后发送。/ One record a line, sent in this order, each when its time has come.",
        "", "```json", *(json.dumps(record, ensure_ascii=False) for record in example()), "```", "",
        "此后画面最多再录 2 分钟；各步的指纹链和录像各段的摘要已经保存，指纹链可在 `/verify?opening=O-1` 校验。录像写完后自动封存（事件 `sealed`，证据包），"
        "在此之前 `GET /api/openings/O-1/evidence` 答 409 并说明。 / The recording ends within 2 minutes. The chain of the steps, to be checked on `/verify`, and the "
        "digest of each piece of the recording are kept. Once the recording is written the opening is sealed by itself (event `sealed`, evidence package); until then that address answers 409 and says so.",
        "", "### 内部内容 / What stays inside", "",
        "`detail`（如异议提出人）不公开；公开内容只有 `detail_sha256`：对加入 256 位随机数 `salt` 之后的 `detail` 取 SHA-256（键排序、无空格、UTF-8 的 JSON）。"
        "不知道随机数就无法逐一猜出；依法可以看到内部内容的人连同 `salt` 一起看到，重新计算即可核对。`sunbid db check` 核对全部。资格预审标段的投标人名称、提出异议者的名称同样处理，文字里提到的也一样。",
        "`detail` is never public. The feed shows `detail_sha256`: SHA-256 over `detail` with 256 random bits as `salt` (JSON, keys sorted, no "
        "spaces, UTF-8). Nobody can guess it; whoever may see the inside sees the salt too and computes it again. `sunbid db check` checks all.",
    ]  # fmt: skip
    return "\n".join(lines)
