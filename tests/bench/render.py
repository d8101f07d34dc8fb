#!/usr/bin/python3
"""Milliseconds per rendered card, beside rsvg-convert on two SVG files that are filled by hand. Printed, not asserted.

usage: render.py MOHR-RENDER LAYOUTS FONTS [CARDS]

rsvg-convert does less here: its text is already fitted and placed, nothing is checked, its QR is ready-made."""
import base64
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from rig.people import card_fields, photo, qr_text  # noqa: E402
from rig.worker import Worker  # noqa: E402

PROGRAM, LAYOUTS, FONTS = sys.argv[1:4]
CARDS = int(sys.argv[4]) if len(sys.argv) > 4 else 15
PHOTO = photo("m")


def start():
    return Worker.child([PROGRAM, "--layouts", LAYOUTS, "--fonts", FONTS])


def card(n, preview):
    return {"layout": "certificate", "fields": card_fields(n), "qr": qr_text(n), "preview": preview}


def timed(work, times):
    out = []
    for i in range(times):
        begin = time.perf_counter()
        work(i)
        out.append(1000 * (time.perf_counter() - begin))
    return out


def show(name, values):
    print(f"{name:58} {statistics.median(values):8.1f} ms  (worst {max(values):.1f})")
    return statistics.median(values)


def one_shot(preview):
    def work(i):
        with start() as w:
            w.task("card", card(i % 20 + 1, preview), PHOTO)
    return work


def filled(side, n):
    """The layout with a text, picture or pattern where each box was."""
    with open(f"{LAYOUTS}/certificate-{side}.svg", encoding="utf-8") as f:
        svg = f.read()
    values = card_fields(n)

    def fill(match):
        tag = match.group(0)
        ident, x, y, w, h = (re.search(rf' {k}="([^"]*)"', tag).group(1) for k in ("id", "x", "y", "width", "height"))
        x, y, w, h = map(float, (x, y, w, h))
        if ident == "photo":
            data = base64.b64encode(PHOTO).decode()
            return f'<image x="{x}" y="{y}" width="{w}" height="{h}" href="data:image/jpeg;base64,{data}"/>'
        if ident == "qr":
            m = w / 57
            cells = "".join(f"M{x + (4 + i % 49) * m:.3f} {y + (4 + i // 49) * m:.3f}h{m:.3f}v{m:.3f}h-{m:.3f}z"
                            for i in range(49 * 49) if i * 7919 % 13 < 6)
            return f'<path d="{cells}"/>'
        field = (re.search(' data-field="([^"]*)"', tag) or [None, ident])[1]
        size = float(re.search(' data-size="[0-9.]*-?([0-9.]+)"', tag).group(1)) * 25.4 / 72
        rtl = 'direction="rtl"' in tag
        return (f'<text x="{x + w if rtl else x}" y="{y + h * .7}" font-size="{size}" direction="{"rtl" if rtl else "ltr"}" '
                f'text-anchor="start">{values.get(field, "")}</text>')
    head, group = svg.split('<g id="fields"', 1)
    group = re.sub(r"<rect [^>]*/>", fill, group).replace('fill-opacity="0.4"', "")
    return re.sub(r'<g id="keep".*?</g>', "", head, flags=re.S) + '<g id="filled"' + group


def main():
    folder = tempfile.mkdtemp(prefix="mohr-bench-")
    try:
        config = os.path.join(folder, "fonts.conf")
        with open(config, "w", encoding="utf-8") as f:
            f.write(f'<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>{os.path.abspath(FONTS)}</dir>'
                    f"<cachedir>{folder}/cache</cachedir></fontconfig>")
        env = {**os.environ, "FONTCONFIG_FILE": config}

        def convert(i):
            paths = []
            for side in ("front", "back"):
                paths.append(f"{folder}/{side}.svg")
                with open(paths[-1], "w", encoding="utf-8") as f:
                    f.write(filled(side, i % 20 + 1))
            begin = time.perf_counter()
            subprocess.run(["rsvg-convert", "-f", "pdf", "-o", f"{folder}/out.pdf", *paths], check=True, env=env)
            return 1000 * (time.perf_counter() - begin)
        convert(0)
        mine = show("mohr-render, one process per card, PDF", timed(one_shot(False), CARDS))
        theirs = show("rsvg-convert, two hand-filled SVG files, PDF", [convert(i) for i in range(CARDS)])
        show("mohr-render, one process per card, PDF and two previews", timed(one_shot(True), CARDS))
        with start() as w:
            show("mohr-render, process kept, PDF",
                 timed(lambda i: w.task("card", card(i % 20 + 1, False), PHOTO), CARDS))
            with open(f"/proc/{w.process.pid}/status", encoding="ascii") as f:
                peak = int(re.search(r"VmHWM:\s+(\d+)", f.read()).group(1))
        print(f"{'ratio of one-shot times, rsvg-convert / mohr-render':58} {theirs / mine:8.2f}")
        print(f"{'peak memory of mohr-render':58} {peak / 1024:8.1f} MiB")
    finally:
        shutil.rmtree(folder)


main()
