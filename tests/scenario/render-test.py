#!/usr/bin/python3
"""mohr-render from outside: sample people's cards, the PDF by poppler's tools, the QR by zbarimg, every refusal.

usage: render-test.py MOHR-RENDER LAYOUTS FONTS"""
import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unicodedata
import unittest
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
from rig.people import card_fields, photo, qr_text, samples  # noqa: E402
from rig.worker import Failed, Lost, Worker  # noqa: E402

PROGRAM, LAYOUTS, FONTS = (os.path.abspath(a) for a in sys.argv[1:4])
PEOPLE = samples()
PHOTOS = {sex: photo(sex) for sex in "fm"}
SVG = "{http://www.w3.org/2000/svg}"
# long names, ZWNJ, hamza, parentheses, hyphen, very short, diacritics, C++ and ++C, CNC, a digit range, two-line titles
CHOSEN = [1, 2, 3, 6, 7, 11, 13, 16, 18, 20, 21, 23, 30, 31, 36, 53, 54, 55, 56, 57]
PX = 300 / 25.4
LEVEL = 24  # of 255: poppler shades a glyph edge differently when the font's subset changes; ink is far darker
CHIP_CONTACTS = (10.25, 19.23, 19.87, 28.55)  # ISO/IEC 7816-2 figure 2: outer edges of the contacts
CHIP_ZONE = (8.0, 17.4, 22.2, 30.4)


def start(layouts=LAYOUTS, fonts=FONTS, **more):
    return Worker.child([PROGRAM, "--layouts", layouts, "--fonts", fonts], **more)


def card(n=1, preview=False, qr=None, layout="certificate", **changes):
    fields = card_fields(n, PEOPLE)
    fields.update(changes)
    return {"layout": layout, "fields": {k: v for k, v in fields.items() if v is not None}, "qr": qr or qr_text(n),
            "preview": preview}


def face(n=1):
    return PHOTOS[next(p["sex"] for p in PEOPLE["people"] if p["n"] == n)]


def run(*argv, data=None):
    return subprocess.run(argv, input=data, check=True, capture_output=True).stdout


def raster(pdf, side, folder):
    """One page at 300 dpi by poppler: width, height and rows of RGB bytes."""
    path = os.path.join(folder, "card.pdf")
    with open(path, "wb") as f:
        f.write(pdf)
    data = run("pdftoppm", "-r", "300", "-f", str(side), "-l", str(side), path)
    magic, width, height, _ = re.match(rb"(P6)\s(\d+)\s(\d+)\s(\d+)\s", data).groups()
    width, height = int(width), int(height)
    pixels = data[-3 * width * height:]
    return width, height, [pixels[3 * width * y:3 * width * (y + 1)] for y in range(height)]


def difference(a, b):
    """Bounding box, in mm, of the pixels in which two rasters differ; None when they are equal."""
    places = [(i // 3, y) for y in range(a[1]) if a[2][y] != b[2][y]
              for i, (p, q) in enumerate(zip(a[2][y], b[2][y])) if abs(p - q) > LEVEL]
    if not places:
        return None
    columns, rows = zip(*places)
    return min(columns) / PX, min(rows) / PX, (max(columns) + 1) / PX, (max(rows) + 1) / PX


def boxes(side):
    """The layout's boxes by plain XML: [(field, x, y, x2, y2, attributes)]."""
    root = xml.etree.ElementTree.parse(f"{LAYOUTS}/certificate-{side}.svg").getroot()
    group = next(g for g in root if g.get("id") == "fields")
    out = []
    for r in group.iter(SVG + "rect"):
        x, y, w, h = (float(r.get(k)) for k in ("x", "y", "width", "height"))
        out.append((r.get("data-field", r.get("id")), x, y, x + w, y + h, r.attrib))
    return out


def bare(text):
    """Text as an extractor may give it: no direction controls, no ZWNJ, compatibility forms resolved, single spaces."""
    text = unicodedata.normalize("NFKC", text)
    text = "".join(c for c in text if not (c == "\u200c" or "\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069"
                                           or c in "\u200e\u200f\ufeff"))
    return re.sub(r"\s+", " ", text.replace("\x0c", " "))


def as_read(text):
    """Levels what poppler's own guesses blur in right-to-left text, and nothing else: combining marks wander, and so do
    brackets and spaces around Latin words and digits."""
    text = "".join(c for c in text if unicodedata.category(c) != "Mn")
    if re.search("[\u0600-\u06ef]", text) and re.search("[A-Za-z0-9۰-۹]", text):
        text = re.sub("[() ]", "", text)
    return re.sub(" +", " ", text).strip()


def persian(text):
    return text.translate(str.maketrans("0123456789", "۰۱۲۳۴۵۶۷۸۹"))


class Temporary(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="mohr-render-test-")
        self.addCleanup(shutil.rmtree, self.folder)


class Cards(Temporary):
    def setUp(self):
        super().setUp()
        self.worker = start()
        self.addCleanup(self.worker.close)

    def draw(self, n=1, **more):
        return self.worker.task("card", card(n, **more), face(n))

    def test_sample_people(self):
        for n in CHOSEN:
            with self.subTest(person=n):
                answer = self.draw(n)
                given = card_fields(n, PEOPLE)
                self.assertEqual(answer.args["n_fields"], len(given) + 1)  # the issue date stands on both faces
                self.check_pdf(answer.parts["pdf"], n, given)

    def check_pdf(self, pdf, n, given):
        path = os.path.join(self.folder, "card.pdf")
        with open(path, "wb") as f:
            f.write(pdf)
        for line in run("pdffonts", path).decode().splitlines()[2:]:
            name, flags = line.split()[0], line.split()[-5:-2]
            self.assertRegex(name, r"^[A-Z]{6}\+Vazirmatn-(Regular|Medium|SemiBold|Bold)$")
            self.assertEqual(flags, ["yes", "yes", "yes"], line)
        info = run("pdfinfo", "-f", "1", "-l", "2", path).decode()
        self.assertEqual(re.findall(r"size:\s+([\d.]+) x ([\d.]+) pts", info), [("242.646", "153.014")] * 2)
        for page, side in ((1, "front"), (2, "back")):
            for name, x, y, x2, y2, attributes in boxes(side):
                if name in given:
                    seen, wanted = self.read_box(path, page, x, y, x2, y2), self.printed(attributes, given[name])
                    self.assertEqual(as_read(seen), as_read(wanted), f"{name} of person {n}")

    @staticmethod
    def read_box(path, page, x, y, x2, y2):
        """What pdftotext reads inside one box, lines joined."""
        dots = [str(round(v * 720 / 25.4)) for v in (x - .2, y - .2, x2 - x + .4, y2 - y + .4)]
        text = run("pdftotext", "-r", "720", "-f", str(page), "-l", str(page), "-x", dots[0], "-y", dots[1], "-W", dots[2],
                   "-H", dots[3], path, "-").decode()
        return bare(text).strip()

    @staticmethod
    def printed(attributes, value):
        if attributes.get("data-digits") == "persian":
            value = persian(value)
        # one glyph with several letters is read in visual order; "++C" is written so that plain bidi shows C++
        value = value.replace("الله", "\ue000").replace("لا", "ال").replace("\ue000", "هللا").replace("++C", "C++")
        return bare(value)

    def test_ink_stays_in_its_box(self):
        base, other = card_fields(1, PEOPLE), card_fields(20, PEOPLE)
        base.update(hours="160", valid_jalali="1410/09/02", valid_gregorian="2031-12-02")
        other.update(grade_fa="درجه ۲", grade_en="Grade 2", hours="395")
        pages = {s: raster(self.worker.task("card", {**card(1), "fields": base}, face(1)).parts["pdf"], i, self.folder)
                 for i, s in enumerate(("front", "back"), 1)}
        for i, side in enumerate(("front", "back"), 1):
            for name, x, y, x2, y2, _ in boxes(side):
                if name in ("photo", "qr"):
                    continue
                changed = self.worker.task("card", {**card(1), "fields": {**base, name: other[name]}}, face(1))
                seen = difference(pages[side], raster(changed.parts["pdf"], i, self.folder))
                self.assertIsNotNone(seen, f"{name} leaves no ink")
                hair = 1.5 / PX  # the edge of a pixel, and its antialiasing
                self.assertTrue(seen[0] >= x - hair and seen[1] >= y - hair and seen[2] <= x2 + hair
                                and seen[3] <= y2 + hair, f"{name}: ink at {seen}, box {(x, y, x2, y2)}")

    def test_contact_zone_is_white(self):
        for n in (1, 21):
            _, _, rows = raster(self.draw(n).parts["pdf"], 1, self.folder)
            x, y, x2, y2 = CHIP_ZONE
            for row in rows[int(y * PX) + 1:int(y2 * PX)]:
                self.assertEqual(set(row[3 * (int(x * PX) + 1):3 * int(x2 * PX)]), {255})
        for side in ("front", "back"):
            for name, x, y, x2, y2, _ in boxes(side):
                self.assertTrue(0 <= x < x2 <= 85.6 and 0 <= y < y2 <= 53.98, name)
                if side == "front":
                    cx, cy, cx2, cy2 = CHIP_CONTACTS
                    self.assertFalse(x < cx2 and cx < x2 and y < cy2 and cy < y2, f"{name} on the contacts")

    def test_qr_decodes(self):
        for n, text in ((1, None), (2, "MOHR1:" + "A7" * 97), (3, "MOHR1:A")):
            answer = self.draw(n, qr=text)
            path = os.path.join(self.folder, "card.pdf")
            with open(path, "wb") as f:
                f.write(answer.parts["pdf"])
            run("pdftoppm", "-r", "300", "-f", "2", "-l", "2", "-png", "-singlefile", path, path)
            decoded = run("zbarimg", "-q", "--raw", "-Sdisable", "-Sqrcode.enable", path + ".png").decode().strip()
            self.assertEqual(decoded, text or qr_text(n))
        x, y, x2, y2 = next(b[1:5] for b in boxes("back") if b[0] == "qr")
        self.assertTrue(x2 - x >= 22 and y2 - y >= 22)

    def test_same_card_same_bytes(self):
        first = self.draw(6, preview=True)
        self.draw(7)
        again = self.draw(6, preview=True)
        self.assertEqual(first.parts, again.parts)
        with start() as other:
            self.assertEqual(other.task("card", card(6), face(6)).parts["pdf"], first.parts["pdf"])

    def test_previews(self):
        answer = self.draw(1, preview=True)
        self.assertEqual(set(answer.parts), {"pdf", "front.png", "back.png"})
        for part in ("front.png", "back.png"):
            self.assertEqual(struct.unpack(">II", answer.parts[part][16:24]), (1011, 638))
        self.assertEqual(set(self.draw(1).parts), {"pdf"})

    def test_digest_covers_layout_and_fonts(self):
        digest = hashlib.sha256()
        for name in ("certificate-front.svg", "certificate-back.svg"):
            with open(os.path.join(LAYOUTS, name), "rb") as f:
                digest.update(hashlib.sha256(f.read()).digest())
        for name in sorted(n for n in os.listdir(FONTS) if n.endswith(".ttf")):
            with open(os.path.join(FONTS, name), "rb") as f:
                digest.update(hashlib.sha256(f.read()).digest())
        self.assertEqual(self.draw(1).args["layout_sha256"], digest.hexdigest())

    def test_optional_fields(self):
        def words(answer):
            path = os.path.join(self.folder, "card.pdf")
            with open(path, "wb") as f:
                f.write(answer.parts["pdf"])
            return bare(run("pdftotext", "-f", "2", path, "-").decode())
        self.assertIn("Valid until", words(self.draw(2)))
        without = words(self.draw(2, valid_jalali=None, valid_gregorian=None, hours=None))
        self.assertNotIn("Valid until", without)
        self.assertNotIn("Hours", without)
        self.assertIn("Valid until", words(self.draw(2)))

    def test_photo_is_encoded_anew(self):
        marker = b"\xff\xfe\x00\x12hidden in comment"
        jpeg = PHOTOS["m"]
        answer = self.worker.task("card", card(1), jpeg[:2] + marker[:4] + b"hidden in commen" + jpeg[2:])
        self.assertNotIn(b"hidden in", answer.parts["pdf"])
        big = self.worker.task("card", card(1), photo("m", height=3200)).parts["pdf"]
        self.assertLess(len(big), len(answer.parts["pdf"]) + 60000)  # at most 600 dpi of the box travels
        self.assertTrue(self.worker.task("card", card(1), photo("m", "png")).parts["pdf"])


class Refusals(Temporary):
    def refused(self, worker, reason, request, blob=None):
        with self.assertRaises(Failed) as caught:
            worker.task("card", request, PHOTOS["m"] if blob is None else blob)
        self.assertEqual((caught.exception.kind, caught.exception.reason), ("input", reason),
                         caught.exception.error["text"])
        return caught.exception.error["text"]

    def test_texts(self):
        with start() as w:
            text = self.refused(w, "name_no_fit", card(name_fa="خواجه‌نصیرالدین طوسی فرد شیروانی‌نسب " * 3))
            self.assertIn("name_fa", text)
            self.assertNotIn("خواجه", text)  # no personal data in messages
            self.refused(w, "name_no_fit", card(name_en="W" * 60))
            self.refused(w, "glyph_missing", card(name_en="Ali \u0e01"))
            self.refused(w, "glyph_missing", card(name_fa="علی \U0001f600"))
            self.refused(w, "glyph_missing", card(skill_fa="漢字"))
            self.refused(w, "bad_text", card(name_fa="علی\u202eکاظمی"))
            self.refused(w, "bad_text", card(name_fa="علی\u2067کاظمی"))
            self.refused(w, "bad_text", card(name_fa="علی\nکاظمی"))
            self.refused(w, "bad_json", card(name_fa=""))
            self.refused(w, "bad_json", card(name_fa=None))
            self.refused(w, "bad_json", card(serial="SC-1405-000123"))
            self.refused(w, "bad_json", card(name_fa="ا" * 201))
            self.refused(w, "bad_json", card(qr="mohr1:abc"))
            self.refused(w, "bad_json", card(qr="A" * 201))
            self.refused(w, "bad_json", card(layout="../certificate"))
            self.refused(w, "layout_bad", card(layout="diploma"))
            self.assertTrue(w.task("card", card(), PHOTOS["m"]).parts["pdf"])  # and still serves

    def test_photos(self):
        jpeg = PHOTOS["m"]
        header = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sIIBBBBB", 13, b"IHDR", 50000, 50000, 8, 2, 0, 0, 0)
        with start() as w:
            self.refused(w, "photo_small", card(), photo("m", height=96))
            self.refused(w, "photo_small", card(), photo("m", "png", height=150))
            self.refused(w, "photo_bad", card(), jpeg[:len(jpeg) // 2])
            self.refused(w, "photo_bad", card(), jpeg[:-2])
            self.refused(w, "photo_bad", card(), photo("m", "png")[:-30])
            self.refused(w, "photo_bad", card(), b"GIF89a" + bytes(100))
            self.refused(w, "photo_bad", card(), b"\xff\xd8\xff\xe0" + os.urandom(2000))
            self.refused(w, "photo_large", card(), header + b"\0\0\0\0")
            self.refused(w, "photo_large", card(), jpeg + bytes(8 << 20))
            with self.assertRaises(Failed) as caught:
                w.finish(w.do("card", card()))
            self.assertEqual(caught.exception.reason, "bad_request")

    def variant(self, front=None, back=None):
        folder = tempfile.mkdtemp(dir=self.folder)
        for side, change in (("front", front), ("back", back)):
            with open(f"{LAYOUTS}/certificate-{side}.svg", encoding="utf-8") as f:
                svg = f.read()
            changed = change(svg) if change else svg
            self.assertTrue(not change or changed != svg, "the variant changed nothing")
            with open(f"{folder}/certificate-{side}.svg", "w", encoding="utf-8") as f:
                f.write(changed)
        return folder

    def layout_refused(self, reason, word, front=None, back=None):
        with start(self.variant(front, back)) as w:
            self.assertIn(word, self.refused(w, reason, card(2)))

    def test_layouts(self):
        def cut(ident):
            return lambda s: re.sub(rf'<rect id="{ident}"[^>]*/>', "", s)

        def change(ident, pattern, to):
            return lambda s: re.sub(rf'(<rect id="{ident}"[^>]*?){pattern}', rf"\g<1>{to}", s)

        def in_art(element):
            return lambda s: s.replace('\n</g>\n<g id="keep"', f'\n{element}\n</g>\n<g id="keep"')

        def twice(ident):
            return lambda s: re.sub(rf'(<rect id="{ident}"[^>]*/>)', r"\1\n\1", s)

        bad = "layout_bad"
        for reason, word, front in (
                (bad, "missing", cut("name_fa")),
                (bad, "missing", cut("national_id")),
                (bad, "photo", cut("photo")),
                (bad, "empty", change("name_fa", r' width="[\d.]+"', ' width="0"')),
                (bad, "empty", lambda s: s.replace('<g id="fields"', '<g id="fields" style="display:none"')),
                (bad, "outside", change("photo", r' x="[\d.]+"', ' x="70"')),
                (bad, "rotated", change("name_fa", " x=", ' transform="rotate(3)" x=')),
                (bad, "rotated", change("name_fa", " x=", ' transform="matrix(1,0.1,0,1,0,0)" x=')),
                (bad, "rotated", lambda s: s.replace('<g id="fields"', '<g id="fields" transform="skewX(2)"')),
                (bad, "unique", twice("name_fa")),
                (bad, "unique", in_art('<path id="name_fa" d="M0 0h1"/>')),
                (bad, "overlap", change("name_en", r' y="[\d.]+"', ' y="20"')),
                (bad, "contact zone", change("grade_en", r' y="[\d.]+"', ' y="28"')),
                (bad, "contact zone", in_art('<rect x="12" y="20" width="0.3" height="0.3" fill="#fefefe"/>')),
                (bad, "contact zone", lambda s: re.sub(r'<rect [^>]*id="chip-window"/>', "", s)),
                (bad, "bleed", lambda s: re.sub('(<g id="art"[^>]*>).*?(\n</g>\n<g id="keep")',
                                                r'\1<rect width="85.6" height="53.98" fill="#ffffff"/>\2', s, flags=re.S)),
                (bad, "box 'name_fa'", change("name_fa", r' data-size="[\d.-]+"', ' data-size="9-4"')),
                (bad, "box 'name_fa'", change("name_fa", ' data-direction="rtl"', "")),
                (bad, "field", lambda s: s.replace('id="father_fa"', 'id="mother_fa"')),
                (bad, "image", in_art('<image href="file:///etc/passwd" width="9" height="9"/>')),
                (bad, "script", in_art("<script>1</script>")),
                (bad, "style", in_art("<style>#photo{display:none}</style>")),
                (bad, "width", lambda s: s.replace('width="85.6mm"', 'width="86mm"')),
                (bad, "group", lambda s: s.replace('<g id="fields"', '<g id="felder"')),
                (bad, "rects", lambda s: s.replace('<rect id="name_fa"', '<circle r="1"/><rect id="name_fa"')),
                (bad, "not an SVG", lambda s: s[:-20]),
                (bad, "not an SVG", lambda s: s.replace("<svg ", '<!DOCTYPE svg [<!ENTITY a "b">]>\n<svg ', 1)),
                ("font_fallback", "name_fa", change("name_fa", " x=", ' data-font="Nazanin" x=')),
                ("font_fallback", "name_fa", change("name_fa", 'data-weight="700"', 'data-weight="900"')),
                ("font_fallback", "art", lambda s: s.replace('font-family="Vazirmatn"', 'font-family="Titr"')),
                ("font_fallback", "art", in_art('<text style="font-family:Arial">A</text>')),
                ("glyph_missing", "U+0E01", in_art("<text>\u0e01</text>")),
        ):
            with self.subTest(word=word, reason=reason):
                self.layout_refused(reason, word, front)
        for word, back in (
                ("too small", lambda s: re.sub(r'(id="qr" x="5" y="7.4" width=)"[\d.]+"', r'\1"16"', s)),
                ("'keep'", in_art('<rect x="10" y="46.5" width="3" height="0.5" fill="#eeeeee"/>')),
                ("valid_jalali", cut("valid_jalali"))):
            with self.subTest(word=word):
                self.layout_refused(bad, word, None, back)

    def test_inkscape_layer_style_is_overruled(self):
        folder = self.variant(lambda s: s.replace('<g id="fields"', '<g id="fields" style="display:inline"'))
        with start(folder) as w, start() as plain:
            self.assertEqual(w.task("card", card(), PHOTOS["m"]).parts["pdf"],
                             plain.task("card", card(), PHOTOS["m"]).parts["pdf"])

    def test_moved_and_described_box(self):
        """What Inkscape does: a moved box gets a transform, attributes may stand in the description."""
        def edit(svg):
            svg = re.sub(r'<rect id="father_fa"[^>]*/>', '<rect id="father_fa" x="26" y="30" width="16.2" height="3.9" '
                         'transform="translate(-1,3.6)"><desc>size=8.6-5.5 weight=600 direction=rtl align=right '
                         'digits=persian</desc></rect>', svg)
            return svg
        with start(self.variant(edit)) as w, start() as plain:
            self.assertEqual(w.task("card", card(), PHOTOS["m"]).parts["pdf"],
                             plain.task("card", card(), PHOTOS["m"]).parts["pdf"])

    def test_fonts(self):
        with self.assertRaises(Lost):
            start(fonts=self.folder, stderr=subprocess.DEVNULL)
        fonts = os.path.join(self.folder, "fonts")
        os.mkdir(fonts)
        shutil.copy(os.path.join(FONTS, "Vazirmatn-Regular.ttf"), fonts)
        with start(fonts=fonts) as w:
            self.refused(w, "font_fallback", card())


class Sandbox(Temporary):
    def test_rights_are_gone_before_the_first_byte(self):
        with start() as w:
            with open(f"/proc/{w.process.pid}/status") as f:
                status = f.read()
            self.assertRegex(status, r"Seccomp:\s+2\n")
            self.assertRegex(status, r"NoNewPrivs:\s+1\n")
            with open(f"/proc/{w.process.pid}/limits") as f:
                limits = f.read()
            self.assertRegex(limits, r"Max cpu time\s+10\s+10\s")
            self.assertRegex(limits, r"Max core file size\s+0\s+0\s")

    def test_no_card_needs_a_forbidden_call(self):
        """Twenty cards with every script and picture kind in one process: nothing is opened or started late."""
        with start() as w:
            for n in range(1, 21):
                w.task("card", card(n, preview=n % 2 == 0), photo("f", "png") if n % 3 else face(n))

    def test_nonsense_ends_it(self):
        with start(stderr=subprocess.DEVNULL) as w:
            w.send(b'{"do":"card"')
            with self.assertRaises(Lost) as caught:
                w.receive()
            self.assertEqual(caught.exception.status, 1)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1] + sys.argv[4:], verbosity=1)
