"""The colours, sizes and type of the product, as CSS custom properties: one table for public pages, sign-in and desk."""

from __future__ import annotations

DAY_AND_NIGHT = {
    "ground": ("#F6F8FB", "#0B1A33"),
    "card": ("#FFFFFF", "#10254A"),
    "line": ("#DDE3EC", "#25406F"),
    "ink": ("#16233B", "#EAF1FB"),
    "muted": ("#5B6B82", "#9DB2D1"),
    "red": ("#C93A3A", "#FF6B6B"),
    "orange": ("#DB7420", "#FF9F45"),
    "yellow": ("#B98900", "#FFD24A"),
    "s1": ("#1F5FBF", "#6EA6FF"),
    "s2": ("#12908E", "#3CC6C2"),
    "s4": ("#7A5CC2", "#B39BF0"),
    "s5": ("#C2577A", "#F08DB0"),
    "s6": ("#5B6B82", "#9DB2D1"),
    "seq1": ("#E6EEF9", "#163261"),
    "seq2": ("#BCD3F0", "#1F4A8C"),
    "seq3": ("#84ADE2", "#2F6BC0"),
    "seq4": ("#4A84D0", "#5B97E6"),
    "seq5": ("#1F5FBF", "#9CC4FF"),
    # derived, for contrast
    "link": ("#1F5FBF", "#8DB8FF"),
    "sun-wash": ("#FFF4D6", "#3A3212"),
    "blue-wash": ("#EAF1FC", "#17356A"),
    "hover": ("#EEF2F8", "#16305C"),
    "good": ("#0B6E6C", "#5FD6D2"),
    "warn": ("#B4530A", "#FF9F45"),
    "done": ("#C9D2DF", "#3A547F"),
    "shade": ("rgba(22,35,59,.05)", "rgba(0,0,0,.3)"),
    "shade-wide": ("rgba(22,35,59,.05)", "transparent"),
}
"""Token → its colour by day and by night. `s…`: series of a chart; `seq…`: steps of a heat map."""
ALWAYS = {
    "sun": "#F2A900",
    "blue": "#1F5FBF",
    "teal": "#12908E",
    "s3": "#F2A900",
    "on-blue": "#FFFFFF",
    "on-sun": "#16233B",
    "font": '"Noto Sans CJK SC","PingFang SC","Microsoft YaHei",sans-serif',
    "t12": "12px", "t14": "14px", "t16": "16px", "t20": "20px", "t28": "28px", "t44": "44px",
    "g4": "4px", "g8": "8px", "g16": "16px", "g24": "24px",
    "r": "8px",
    "shadow": "0 1px 2px var(--shade),0 4px 16px var(--shade-wide)",
    "quick": "160ms ease-out",
}  # fmt: skip
"""Token → what is the same by day and by night."""
_PLACES = ":root,:host,.sunbid,.stApp"
"""Where the tokens hold: a page, a component's shadow tree, Streamlit's own root."""


def colour(token: str, *, night: bool = False) -> str:
    """The value of a token by day or by night. KeyError for an unknown one."""
    return DAY_AND_NIGHT[token][night] if token in DAY_AND_NIGHT else ALWAYS[token]


def variables() -> str:
    """All tokens, following the colour scheme of where they are used."""
    following = {name: f"light-dark({day},{night})" for name, (day, night) in DAY_AND_NIGHT.items()}
    return f"{_PLACES}{{{_declared({**ALWAYS, **following})}}}\n"


def page() -> str:
    """All tokens for a page that chooses its scheme: by `data-theme`, else as the system does. Browsers that do not
    know light-dark() (before 2024) get the same colours by selectors."""
    day = _declared({name: colours[0] for name, colours in DAY_AND_NIGHT.items()})
    night = _declared({name: colours[1] for name, colours in DAY_AND_NIGHT.items()})
    return (
        f":root{{color-scheme:light;{_declared(ALWAYS)}{day}}}\n"
        f"[data-theme=night]{{color-scheme:dark;{night}}}\n"
        f"@media (prefers-color-scheme:dark){{:root:not([data-theme]){{color-scheme:dark;{night}}}}}\n"
    )


def _declared(values: dict[str, str]) -> str:
    return "".join(f"--{name}:{value};" for name, value in values.items())
