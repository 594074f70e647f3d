"""The page: its style for light and dark, paper and telephone, and its skeleton."""

import re

from thalweg.report.markup import text

STYLE = """
:root{color-scheme:light dark;--paper:#fdfdfc;--panel:#f3f5f4;--ink:#18201f;--soft:#5f6b69;--rule:#dbe1df;--own:#08666e;
--other:#858b94;--care:#ad4e06}
@media(prefers-color-scheme:dark){:root{--paper:#101514;--panel:#19201f;--ink:#e4e9e7;--soft:#9ba7a4;--rule:#2b3533;
--own:#54c6cc;--other:#8f96a0;--care:#f2a463}}
*{box-sizing:border-box}
.unseen:not(:focus){position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
a.unseen:focus{position:fixed;left:12px;top:12px;padding:6px 12px;background:var(--panel)}
:focus-visible{outline:2px solid var(--own);outline-offset:3px;border-radius:2px}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 system-ui,"Segoe UI",Inter,sans-serif;
font-variant-numeric:tabular-nums;overflow-wrap:break-word}
main{max-width:820px;margin:0 auto;padding:40px 24px 80px}
nav{display:none}
@media(min-width:1240px){nav{display:block;position:fixed;left:calc(50% - 600px);top:48px;width:150px;font-size:14px}
nav b{display:block;margin-bottom:12px}nav a{display:block;padding:3px 0;color:var(--soft);text-decoration:none}
nav a:hover{color:var(--ink)}}
.from{color:var(--soft);font-size:14px}
h1{font-size:30px;line-height:1.22;font-weight:650;letter-spacing:-.012em;margin:.25em 0 .45em;text-wrap:balance}
h1 em{font-style:normal;color:var(--own)}
h2{font-size:19px;font-weight:650;margin:50px 0 8px}h3{font-size:15px;font-weight:600;margin:26px 0 6px}
p{margin:.5em 0;max-width:68ch}.lead{font-size:17px}.quiet{color:var(--soft);font-size:14px}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:0 24px;margin:26px 0 8px;
border-top:1px solid var(--rule)}
.facts div{padding:10px 0}.facts dt{color:var(--soft);font-size:13px}.facts dd{margin:0;font-size:19px;font-weight:600}
.facts small{font-weight:400;font-size:13px;color:var(--soft);white-space:nowrap}
.pair{display:grid;gap:12px 40px;grid-template-columns:minmax(0,1fr)}
@media(min-width:720px){.pair{grid-template-columns:repeat(2,minmax(0,1fr))}}
figure{margin:14px 0}figure>b{font-size:15px;font-weight:600}
figcaption{font-size:14px;color:var(--soft);margin-top:4px;max-width:68ch}
svg{display:block;width:100%;max-width:440px;height:auto;font:12.5px system-ui,Inter,sans-serif}
svg text{fill:var(--ink);paint-order:stroke;stroke:var(--paper);stroke-width:3px;stroke-linejoin:round}
svg .tick{fill:var(--soft);font-size:11.5px}svg .own{fill:var(--own)}svg .soft{fill:var(--soft)}
svg .bold{font-weight:650}svg .share{font-size:11.5px}svg .grid{stroke:var(--rule);stroke-width:1}
.forest{margin:22px 0 6px;font-size:14px}
.forest{display:grid;grid-template-columns:fit-content(42%) minmax(0,1fr) max-content;gap:0 14px;align-items:center}
.line{display:contents}.line>span,.line>b{text-align:right;font-weight:400;line-height:1.25;padding:4px 0}
.line>span{overflow-wrap:anywhere}.line>b{white-space:nowrap}
.line.own>span,.line.own>b{font-weight:650}
.track{position:relative;align-self:stretch;min-height:26px}
.track i,.track s,.track u,.track q{position:absolute;text-decoration:none}
.track i{top:0;bottom:0;border-left:1px solid var(--rule)}
.track s{top:50%;height:2px;margin-top:-1px;background:var(--other)}
.track u{top:50%;width:9px;height:9px;margin:-4.5px 0 0 -4.5px;border-radius:50%;background:var(--other)}
.track q{top:50%;transform:translateY(-50%);color:var(--other);quotes:none;line-height:1}.track .right{right:0}
.own .track s{height:3px;background:var(--own)}
.own .track u{width:11px;height:11px;margin:-5.5px 0 0 -5.5px;border-radius:2px;transform:rotate(45deg);background:var(--own)}
.axis .track i{border:0;transform:translateX(-50%);font-style:normal;font-size:12.5px;color:var(--soft);white-space:nowrap}
@media(max-width:520px){.forest{grid-template-columns:minmax(0,1fr) max-content;gap:0 10px}
.line>span{grid-column:1/-1;text-align:left;font-size:13px;padding:5px 0 0}.axis>span{display:none}
.line>b{padding:0}.track{min-height:17px}.many .track i:nth-child(even){display:none}}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:14px}
th,td{padding:6px 12px 6px 0;border-bottom:1px solid var(--rule);text-align:left;white-space:nowrap}
th{font-weight:500;color:var(--soft)}tbody th{font-weight:400;color:var(--ink)}
.rows table{font-size:13px;min-width:460px}.rows th,.rows td{padding-right:9px;white-space:normal;overflow-wrap:normal}
.rows thead th{overflow-wrap:anywhere;min-width:4.6em;vertical-align:bottom}.rows td img,.rows td svg{width:72px}
td.wide{white-space:normal;min-width:16em}
.heat{width:auto;border-collapse:separate;border-spacing:2px;font-size:13.5px}
.heat th,.heat td{border:0;padding:4px 5px;text-align:center;color:var(--ink);font-weight:400}
.heat td{min-width:30px;border-radius:3px;background:var(--panel)}.heat td[style]{font-weight:650}
.heat tbody th{text-align:right}.heat .corner{background:none;color:var(--soft);font-size:12px;text-align:right;font-weight:400}
.heat small{display:block;font-weight:400;font-size:12px}.heat.few td{min-width:62px;padding:8px 10px}
.heat.few .corner{padding:4px}
.heat.upright thead th{vertical-align:bottom}.heat.upright thead span{writing-mode:vertical-rl;transform:rotate(180deg)}
@media(max-width:520px){.heat{font-size:12.5px;border-spacing:1px}.heat th,.heat td{padding:3px 2px}.heat td{min-width:25px}
.heat.few td{min-width:48px;padding:6px 4px}.heat .corner{font-size:10.5px}}
.note{border-left:3px solid var(--rule);padding:1px 0 1px 14px;margin:10px 0}.note.care{border-color:var(--care)}
.note small{color:var(--care);font-weight:600;margin-right:4px}.note ul{margin:0;padding-left:18px}.note details{margin:4px 0}
.bars{display:flex;gap:2px;height:26px;margin:8px 0 4px}.bars span{border-radius:2px;min-width:2px}
.key{display:flex;flex-wrap:wrap;gap:2px 18px;font-size:13.5px;color:var(--soft);padding:0;margin:0;list-style:none}
.key i{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:6px}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(112px,1fr));gap:16px;margin:14px 0}
.tiles figure{margin:0}.tiles img{width:100%;max-width:128px;border-radius:3px;background:var(--panel);display:block;
aspect-ratio:1;object-fit:contain}
.planes{display:grid;grid-template-columns:repeat(auto-fill,minmax(150px,1fr));gap:10px 24px}.planes figure{margin:0}
.planes figure>b{font-size:13.5px;overflow-wrap:anywhere}
.tiles.close{grid-template-columns:repeat(auto-fill,minmax(76px,1fr));gap:10px}
.tiles.close figcaption{font-size:12.5px}
img.small{image-rendering:pixelated}
code{font:13.5px ui-monospace,"DejaVu Sans Mono",monospace;background:var(--panel);padding:1px 5px;border-radius:3px}
.note code{white-space:nowrap}
pre{background:var(--panel);padding:12px 14px;border-radius:5px;overflow-x:auto}
pre code{padding:0;background:none;white-space:pre-wrap;overflow-wrap:anywhere}
details{margin:10px 0;font-size:14px}summary{cursor:pointer;color:var(--soft)}a{color:var(--own)}
@media(max-width:520px){main{padding:24px 16px 60px}h1{font-size:24px}}
@media print{:root{color-scheme:light;--paper:#fff;--panel:#f3f5f4;--ink:#18201f;--soft:#5f6b69;--rule:#dbe1df;--own:#08666e;
--other:#858b94;--care:#ad4e06}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
nav{display:none}main{max-width:none;padding:0}h1{font-size:24px}h2{margin-top:28px}h2,h3,figure>b,summary{break-after:avoid}
figure,.tiles figure,.note,tr,.facts div,.bars,pre{break-inside:avoid}
.pair{grid-template-columns:repeat(2,minmax(0,1fr))}.scroll{overflow:visible}table{font-size:12px}
th,td{white-space:normal;padding:4px 8px 4px 0}details:not([open]){display:none}}
"""


def page(title: str, kicker: str, heading: str, sections: list[str]) -> str:
    """The whole file.

    Args:
        kicker: what was learned from what, when; markup.
        heading: the result as a sentence; markup.
        sections: markup, the first without a heading of its own.
    """
    links = "".join(f'<a href="#{name}">{label}</a>' for one in sections for name, label in _headings(one))
    return (
        "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
        '<meta name=viewport content="width=device-width,initial-scale=1">'
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">"
        f"<title>{text(title)}</title><style>{STYLE}</style></head><body>"
        '<a class="unseen" href="#verdict">To the verdict</a>'
        f'<nav aria-label="Contents"><b>thalweg</b><a href="#verdict">Verdict</a>{links}</nav>'
        f'<main><div class="from">{kicker}</div><h1 id="verdict">{heading}</h1>{"".join(sections)}</main></body></html>\n'
    )


def _headings(one: str) -> list[tuple[str, str]]:
    return re.findall(r'<section id="(\w+)"[^>]*><h2[^>]*>(.*?)</h2>', one)
