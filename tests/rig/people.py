"""Cards of the invented sample people (tests/data/people.json) in the form that mohr-render takes."""
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))


def samples():
    with open(os.path.join(HERE, "..", "data", "people.json"), encoding="utf-8") as f:
        return json.load(f)


def card_fields(n, data=None):
    """The fields of sample person n; skill, centre and dates follow from the number."""
    data = data or samples()
    person = next(p for p in data["people"] if p["n"] == n)
    skill = data["skills"][(n * 7) % len(data["skills"])]
    centre = data["centres"][(n * 5) % len(data["centres"])]
    fields = {
        "name_fa": f"{person['given_fa']} {person['family_fa']}",
        "name_en": f"{person['given_en']} {person['family_en']}",
        "father_fa": person["father_fa"],
        "national_id": person["national_id"],
        "skill_fa": skill["title_fa"],
        "skill_en": skill["title_en"],
        "skill_code": skill["code"],
        "grade_fa": ("عالی", "خوب", "درجه ۱", "درجه ۲")[n % 4],
        "grade_en": ("Excellent", "Good", "Grade 1", "Grade 2")[n % 4],
        "number": f"1405-27-{n:06d}",
        "issued_jalali": f"1405/09/{n % 29 + 1:02d}",
        "issued_gregorian": f"2026-12-{n % 29 + 1:02d}",
        "centre_fa": centre["name_fa"],
        "centre_en": centre["name_en"],
        "province_fa": centre["province_fa"],
        "province_en": centre["province_en"],
        "director_fa": f"مدیرکل آموزش فنی و حرفه‌ای استان {centre['province_fa']}",
        "director_en": f"Director General, {centre['province_en']} Province",
        "face_code": f"7KX{n:02d}QWHMZ",
    }
    if n % 3:
        fields["hours"] = str(skill["hours"])
    if n % 2 == 0:
        fields["valid_jalali"] = f"1410/09/{n % 29 + 1:02d}"
        fields["valid_gregorian"] = f"2031-12-{n % 29 + 1:02d}"
    return fields


def qr_text(n):
    """Text of the length and alphabet of a real statement (docs/layout.md), without a signature."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    return "MOHR1:" + "".join(alphabet[(n * 31 + i * i * 7 + i) % 32] for i in range(191))


def photo(sex, kind="jpeg", height=640, folder=None):
    """A drawn portrait (tests/data/face-*.svg) as JPEG or PNG bytes, 3:4."""
    import subprocess
    import tempfile
    svg = os.path.join(HERE, "..", "data", f"face-{sex}.svg")
    width = height * 3 // 4
    if kind == "png":
        return subprocess.run(["rsvg-convert", "-w", str(width), "-h", str(height), svg], check=True,
                              capture_output=True).stdout
    with tempfile.TemporaryDirectory() as work:
        pdf = os.path.join(work, "face.pdf")
        subprocess.run(["rsvg-convert", "-f", "pdf", "-w", str(width), "-h", str(height), "-o", pdf, svg], check=True)
        subprocess.run(["pdftoppm", "-jpeg", "-scale-to-x", str(width), "-scale-to-y", str(height), "-singlefile", pdf,
                        os.path.join(work, "face")], check=True)
        with open(os.path.join(work, "face.jpg"), "rb") as f:
            return f.read()
