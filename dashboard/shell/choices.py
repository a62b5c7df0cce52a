"""Choices of the live screens that stand in the address by their key, so a link reopens the same view in any language;
and what is said where an address asks for what cannot be chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard.shell import layout
from dashboard.shell.address_checks import Check, given_twice
from dashboard.shell.html import draw, esc
from messages import Message

_FAULTS, _TWICE = "faults-of-the-address", "given-twice-in-the-address"


def begin() -> None:
    """A screen is drawn anew: nothing has been found amiss in its address yet."""
    st.session_state[_FAULTS] = {}
    asked = st.query_params
    st.session_state[_TWICE] = given_twice({name: asked.get_all(name) for name in asked})


def note(name: str, fault: Message) -> None:
    """The address asks for what the choice `name` cannot be, and the default is shown."""
    st.session_state.setdefault(_FAULTS, {})[name] = fault


def amiss() -> frozenset[str]:
    """The choices that the address asks for in vain, as far as the screen has come."""
    return frozenset(st.session_state[_FAULTS])


def check(name: str, takes: Check) -> None:
    """Note what is wrong with what the address says of a choice that draws itself."""
    if (said := st.query_params.get(name)) and (fault := takes(name, said)):
        note(name, fault)


def show_faults(place: DeltaGenerator, lang: str) -> None:
    """Say in `place` what the address asked for in vain, if anything."""
    said = list(st.session_state[_TWICE])
    if found := list(st.session_state[_FAULTS].values()):
        said.append(Message("filters.shown_by_default", found=found))
    if said:
        words = "<br>".join(esc(one.text(lang)) for one in said)
        with place:
            draw(f'<p class="reach amiss" role="status">{words}</p>')


def select(name: str, label: str, options: Mapping[str, str], *, default: str, width: int) -> str:
    """A drop-down bound to the query parameter `name`; the default is left out of the address."""
    key = _prepare(name, options, default)
    st.selectbox(
        label, list(options), format_func=lambda v: f"{label}　{options[v]}", key=key, label_visibility="collapsed",
        on_change=_keep, args=(name, key, default), width=width,
    )  # fmt: skip
    return _now(key, default)


def segments(name: str, label: str, options: Mapping[str, str], *, default: str) -> str:
    """A row of buttons, one of which is chosen, bound likewise."""
    key = _prepare(name, options, default)
    st.segmented_control(
        label, list(options), format_func=lambda v: options[v], key=key, required=True, label_visibility="collapsed",
        on_change=_keep, args=(name, key, default),
    )  # fmt: skip
    return _now(key, default)


def text(name: str, label: str, *, width: int) -> str:
    """A search box bound likewise."""
    key = f"choice-{name}"
    st.session_state[key] = st.query_params.get(name, "")
    st.text_input(
        label, key=key, placeholder=label, label_visibility="collapsed", on_change=_keep, args=(name, key, ""),
        width=width,
    )  # fmt: skip
    return _now(key, "")


def switch(name: str, label: str) -> bool:
    """An on/off switch bound likewise: 1 when on."""
    key = f"choice-{name}"
    st.session_state[key] = st.query_params.get(name) == "1"
    return st.toggle(label, key=key, on_change=_keep_switch, args=(name, key))


def asked(name: str, options: Sequence[str], default: str) -> str:
    """What is chosen where the choice itself is drawn further down."""
    chosen = st.session_state.get(f"choice-{name}") or st.query_params.get(name, default)
    return chosen if chosen in options else default


def _prepare(name: str, options: Mapping[str, str], default: str) -> str:
    """Session key of a choice, set from the address: it decides, also after a step back."""
    key = f"choice-{name}"
    asked = st.query_params.get(name) or default
    if asked not in options and asked != default:
        note(name, Message("filters.no_such_choice", asked=f"{name}={asked[:40]}"))
    st.session_state[key] = asked if asked in options else default
    return key


def _now(key: str, default: str) -> str:
    return st.session_state.get(key) or default


def _keep(name: str, key: str, default: str) -> None:
    value = st.session_state.get(key) or default
    layout.choose(**{name: "" if value == default else value})


def _keep_switch(name: str, key: str) -> None:
    layout.choose(**{name: "1" if st.session_state[key] else ""})
