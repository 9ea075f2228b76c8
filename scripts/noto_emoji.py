"""Pictures with captions for the demo image model: Noto Emoji, named by Unicode's CLDR, some of them recoloured.

    python scripts/noto_emoji.py FOLDER

Needs fontTools and Pillow, and Debian's packages `fonts-noto-color-emoji` (font: OFL-1.1, pictures: Apache-2.0)
and `unicode-cldr-core` (names and keywords: Unicode-DFS-2016). Writes one `name.png` (64 × 64, on white) and one
`name.txt` (captions, one a line) a picture, and `held-out/` with the recoloured pairs that training must not see.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

from fontTools.ttLib import TTFont
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent))
from recolour import COLOURS, held_out, own_colour, recolourable, recoloured

FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
CLDR = Path("/usr/share/unicode/cldr/common")
SIZE = 64
# What a small model needs not learn leaves room for what people ask for: no letters, flags, skin tones or near doubles.
CHOSEN = Path(__file__).with_name("noto_names.txt")
# What people say where the CLDR says something else.
ALSO_CALLED = {
    "automobile": ["car", "red car"],
    "sport utility vehicle": ["blue car", "car"],
    "grinning face": ["smiling face", "happy face", "smile"],
    "slightly smiling face": ["smiling face", "smile", "happy face"],
    "smiling face with smiling eyes": ["smiling face", "happy face"],
    "grinning face with big eyes": ["smiling face", "happy face"],
    "frowning face": ["sad face"],
    "slightly frowning face": ["sad face"],
    "crying face": ["sad face"],
    "red heart": ["heart"],
    "red apple": ["apple"],
    "dog face": ["dog"],
    "cat face": ["cat"],
    "delivery truck": ["truck"],
    "deciduous tree": ["tree", "green tree"],
    "sun": ["yellow sun"],
    "glowing star": ["shining star"],
    "star": ["yellow star"],
    "full moon": ["moon"],
    "soccer ball": ["football", "ball"],
    "sailboat": ["boat"],
    "hot beverage": ["cup of coffee", "coffee", "cup of tea"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    names, font = cldr_names(), TTFont(FONT)
    known = {name for name, _ in names.values()}
    (folder / "held-out").mkdir(parents=True, exist_ok=True)
    count = 0
    for text, picture in pictures(font, names):
        name, keywords = names[text]
        save(folder, name, picture, captions(name, keywords))
        count += 1 + save_recoloured(folder, name, picture, known)
    print(f"{count} pictures in {folder}")


def cldr_names() -> dict[str, tuple[str, list[str]]]:
    """{emoji without its variation selector: (short name, keywords)}, of the chosen ones."""
    chosen = set(CHOSEN.read_text(encoding="utf-8").splitlines())
    found: dict[str, dict[str, str]] = {}
    for part in ("annotations", "annotationsDerived"):
        for entry in ElementTree.parse(CLDR / part / "en.xml").iter("annotation"):  # noqa: S314 - Debian's own file
            kind = "name" if entry.get("type") == "tts" else "keywords"
            found.setdefault(entry.get("cp", ""), {})[kind] = entry.text or ""
    return {
        text: (each["name"], [word.strip() for word in each.get("keywords", "").split("|") if word.strip()])
        for text, each in found.items()
        if each.get("name") in chosen
    }


def pictures(font: TTFont, names: dict[str, tuple[str, list[str]]]) -> Iterator[tuple[str, Image.Image]]:
    bitmaps, glyphs, ligatures = font["CBDT"].strikeData[0], font.getBestCmap(), ligatures_of(font)
    for text in names:
        parts = tuple(glyphs.get(ord(letter), "") for letter in text)
        glyph = parts[0] if len(parts) == 1 else ligatures.get(parts, "")
        if glyph in bitmaps and ord(text[0]) > 0x2000:
            yield text, on_white(bitmaps[glyph].imageData)


def ligatures_of(font: TTFont) -> dict[tuple[str, ...], str]:
    found = {}
    for lookup in font["GSUB"].table.LookupList.Lookup:
        for table in lookup.SubTable:
            table = getattr(table, "ExtSubTable", table)
            for first, ligatures in getattr(table, "ligatures", {}).items():
                found.update({(first, *ligature.Component): ligature.LigGlyph for ligature in ligatures})
    return found


def on_white(png: bytes) -> Image.Image:
    """The 136 × 128 picture on a white square of SIZE, drawn small once, with its edges smooth."""
    drawn = Image.open(io.BytesIO(png)).convert("RGBA")
    side = max(drawn.size)
    square = Image.new("RGBA", (side, side), "white")
    square.alpha_composite(drawn, ((side - drawn.width) // 2, (side - drawn.height) // 2))
    return square.convert("RGB").resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def captions(name: str, keywords: list[str]) -> list[str]:
    """The name in several shapes, then the name among its keywords; the name counts most because it comes first."""
    name = plain(name)
    others = [plain(word) for word in keywords if plain(word) not in name and len(word) < 24]
    lines = [name, name, f"{article(name)} {name}", *ALSO_CALLED.get(name, [])]
    if others:
        lines.append(", ".join([name, *others[:3]]))
    return lines


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"[^\w\s’'-]", " ", text)).strip()


def article(name: str) -> str:
    return "an" if name[0] in "aeiouAEIOU" else "a"


def save_recoloured(folder: Path, name: str, picture: Image.Image, known: set[str]) -> int:
    """The picture in the other colours, but for pairs that have an emoji of their own. How many are for training."""
    noun, count = recolourable(name), 0
    for colour in COLOURS if noun else []:
        said, copy = f"{colour} {noun}", recoloured(picture, colour)
        if said in known:
            continue
        if copy is None:  # it has that colour, or one that is hard to tell from it
            if colour == own_colour(picture):
                with (folder / f"{plain(name)}.txt").open("a", encoding="utf-8") as file:
                    file.write(f"{said}\n{article(said)} {said}\n{noun}\n")
            continue
        where = folder / "held-out" if held_out(str(noun), colour) else folder
        save(where, said, copy, [said, said, f"{article(said)} {said}"])
        count += where == folder
    return count


def save(folder: Path, name: str, picture: Image.Image, lines: list[str]) -> None:
    file = folder / f"{plain(name)}.png"
    picture.save(file)
    file.with_suffix(".txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
