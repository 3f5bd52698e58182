"""The page's look: light and dark, from a phone to a wide screen, and on paper.

Colours are Okabe and Ito's, which the colour-blind tell apart, darkened or lightened until each has a contrast of
4.5 : 1 or more against its background (WCAG 2.2 AA); a test works that out.
"""

from __future__ import annotations

LIGHT = {
    "back": "#ffffff", "card": "#f6f7f9", "ink": "#1d2430", "pale": "#576070", "edge": "#d5d9e0",
    "candidate": "#0067a3", "baseline": "#8a5a00", "second": "#006b50", "limit": "#b83a00",
    "good": "#006b50", "bad": "#b3261e", "open": "#7a5200",
}  # fmt: skip
DARK = {
    "back": "#12161d", "card": "#1b212b", "ink": "#e8ebf0", "pale": "#a7b0bf", "edge": "#38414f",
    "candidate": "#62bdf2", "baseline": "#e8ab35", "second": "#3fcf9f", "limit": "#ff9466",
    "good": "#3fcf9f", "bad": "#ff8a80", "open": "#e8ab35",
}  # fmt: skip

_RULES = """
*{box-sizing:border-box}
html{color-scheme:light dark;-webkit-text-size-adjust:100%}
body{margin:0;background:var(--back);color:var(--ink);font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
main{max-width:1100px;margin:0 auto;padding:1rem}
h1{font-size:1.5rem;line-height:1.25;margin:.5rem 0}
h2{font-size:1.2rem;margin:2rem 0 .5rem}
h3{font-size:1rem;margin:0 0 .5rem}
p{margin:.25rem 0 .75rem}
.pale{color:var(--pale)}
.verdict{display:inline-block;font-weight:700;padding:0 .5rem;border:2px solid currentColor;border-radius:.4rem}
.good{color:var(--good)}.bad{color:var(--bad)}.open{color:var(--open)}
ul.cards{list-style:none;margin:0;padding:0;display:grid;gap:.75rem;
 grid-template-columns:repeat(auto-fill,minmax(min(100%,20rem),1fr))}
.cards li,figure{background:var(--card);border:1px solid var(--edge);border-radius:.6rem;padding:.9rem}
.cards p{margin:.35rem 0 0}
figure{margin:0 0 1rem;display:grid;gap:1rem;grid-template-columns:minmax(0,1fr)}
figcaption{font-weight:600}
@media(min-width:52rem){figure{grid-template-columns:minmax(0,1.1fr) minmax(0,1fr)}figcaption{grid-column:1/-1}}
.scroll{overflow-x:auto}
.scroll:focus-visible{outline:2px solid var(--candidate)}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.92rem}
th,td{text-align:right;padding:.2rem .6rem;border-bottom:1px solid var(--edge);white-space:nowrap}
th:first-child,td:first-child{text-align:left;padding-left:0}
thead th{color:var(--pale);font-weight:600}
svg{width:100%;height:auto;display:block}
svg text{fill:var(--pale);font:12.5px system-ui,sans-serif}
svg .name{fill:var(--ink)}
.grid{stroke:var(--edge);stroke-width:1}
.line{fill:none;stroke-width:2.2;stroke-linejoin:round}
.line.candidate{stroke:var(--candidate)}
.line.baseline{stroke:var(--baseline);stroke-dasharray:7 4}
.line.second{stroke:var(--second);stroke-dasharray:2 3}
.line.limit,.rule{stroke:var(--limit);stroke-width:1.4;stroke-dasharray:3 3}
.mark.candidate{fill:var(--candidate);stroke:var(--candidate)}
.mark.baseline{fill:var(--baseline);stroke:var(--baseline)}
.mark.second{fill:var(--second);stroke:var(--second)}
.mark.limit{fill:var(--limit);stroke:var(--limit)}
.mark.hollow{fill:var(--card)}
.mark{stroke-width:2}
svg .limit-text{fill:var(--limit)}
svg .candidate-text{fill:var(--candidate)}
svg .baseline-text{fill:var(--baseline)}
svg .second-text{fill:var(--second)}
.key{display:inline-block;margin-right:1rem;font-size:.92rem}
.key::before{content:"";display:inline-block;width:1.6rem;margin-right:.4rem;vertical-align:middle;
 border-top:3px solid var(--candidate)}
.key.baseline::before{border-top:3px dashed var(--baseline)}
.key.second::before{border-top:3px dotted var(--second)}
.key.limit::before{border-top:2px dotted var(--limit)}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.15rem .9rem;margin:0}
main>dl{margin:1rem 0}
dt{color:var(--pale)}dd{margin:0}
@media print{figure,.cards li{break-inside:avoid}}
"""


def style() -> str:
    """The style sheet."""
    return f":root{{{_variables(LIGHT)}}}@media(prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}{_RULES}"


def _variables(colours: dict[str, str]) -> str:
    return ";".join(f"--{name}:{colour}" for name, colour in colours.items())
