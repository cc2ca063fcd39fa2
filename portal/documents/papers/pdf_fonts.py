"""Small fonts as PDF objects."""

from portal.documents.papers import pdf_file
from portal.documents.papers.faces import Face
from portal.documents.papers.slots import small_font_face

FONT_FLAGS = 4
STEM = 80


def font_objects(
    name: str, codes: dict[str, int], first: int
) -> tuple[list[tuple[int, bytes]], list[tuple[int, bytes]], int, int]:
    """A small font's streams and plain objects from number `first` on, the font's own number, and the next free one."""
    face: Face = small_font_face(name)
    file, unicode_map, descriptor, descendant, font = range(first, first + 5)
    glyphs = face.glyphs(codes)
    data = face.small_font(glyphs)
    base = f"{pdf_file.subset_tag(codes)}+{face.name}".encode()
    widths = b" ".join(b"%d" % face.advance(glyph) for glyph in glyphs)
    streams = [
        (file, pdf_file.packed_stream(file, b"/Length1 %d" % len(data), data, level=1)),
        (unicode_map, pdf_file.packed_stream(unicode_map, b"", unicode_map_of(codes))),
    ]
    plain = [
        (descriptor, descriptor_of(face, base, file)),
        (
            descendant,
            b"<</Type/Font/Subtype/CIDFontType2/BaseFont/%s/CIDSystemInfo<</Registry(Adobe)/Ordering(Identity)"
            b"/Supplement 0>>/CIDToGIDMap/Identity/W[1[%s]]/FontDescriptor %d 0 R>>" % (base, widths, descriptor),
        ),
        (
            font,
            b"<</Type/Font/Subtype/Type0/BaseFont/%s/Encoding/Identity-H/DescendantFonts[%d 0 R]/ToUnicode %d 0 R>>"
            % (base, descendant, unicode_map),
        ),
    ]
    return streams, plain, font, font + 1


def unicode_map_of(codes: dict[str, int]) -> bytes:
    """The map by which a reader finds the characters of a small font."""
    rows = [f"<{code:04x}> <{char.encode('utf-16-be').hex()}>" for char, code in codes.items()]
    blocks = [rows[start : start + 100] for start in range(0, len(rows), 100)]
    body = "\n".join(f"{len(block)} beginbfchar\n" + "\n".join(block) + "\nendbfchar" for block in blocks)
    return (
        "/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n/CIDSystemInfo\n<< /Registry (Adobe)"
        " /Ordering (UCS) /Supplement 0 >> def\n/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n"
        f"1 begincodespacerange\n<0000> <ffff>\nendcodespacerange\n{body}\n"
        "endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend"
    ).encode("ascii")


def descriptor_of(face: Face, base: bytes, file: int) -> bytes:
    """The descriptor of a small font whose file is the object of that number."""
    return (
        b"<</Type/FontDescriptor/FontName/%s/Flags %d/FontBBox[%d %d %d %d]/ItalicAngle 0/Ascent %d/Descent %d"
        b"/CapHeight %d/StemV %d/FontFile2 %d 0 R>>"
        % (base, FONT_FLAGS, *face.bounds, face.ascent, face.descent, face.ascent, STEM, file)
    )
