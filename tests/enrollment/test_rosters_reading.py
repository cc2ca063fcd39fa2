"""Files that are no rosters, cells that are no values: a verdict each, before anything is stored (REL-X1..5)."""

import csv
import io
import os
import subprocess
import time
import zipfile

import pytest
import xlsxwriter

from enrollment.rosters import columns, files, reading, texts
from portal.regions.calendar import SHANGHAI
from portal.regions.text import pick
from tests.enrollment.conftest import MONDAY
from tests.enrollment.roster_files import HEAD, as_csv, as_workbook, with_member
from tests.people_cast import identity_number

ROW = ["张三", "450302199003079919", "19900000001", "甲山村8号"]
TODAY = MONDAY.astimezone(SHANGHAI).date()


def lines_of(content):
    return list(reading.open_table(content).lines)


def verdict(content):
    """The code by which a file is refused, or the number of its lines."""
    try:
        return len(lines_of(content))
    except reading.RosterRefused as refused:
        return refused.code if texts.refusal(refused.code, refused.params) else ""


def bomb():
    return with_member(as_workbook([ROW]), "xl/media/big.bin", b"\0" * 80_000_000)


def corner():
    return as_workbook([ROW], change=lambda sheet: sheet.write(1_048_575, 16_383, "x"))


def entities():
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(as_workbook([["=A1", *ROW[1:]]]))) as old, zipfile.ZipFile(content, "w") as new:
        for member in old.infolist():
            data = old.read(member)
            if member.filename == "xl/worksheets/sheet1.xml":
                head, tail = data.split(b"\n", 1)
                data = head + b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>' + tail
                data = data.replace(b"</sheetData>", b"<row><c><f>1</f></c></row></sheetData>")
            new.writestr(member.filename, data)
    return content.getvalue()


FILES = {
    "0 bytes": (lambda: b"", "empty"),
    "one byte": (lambda: b"x", "no_heading"),
    "21 MB": (lambda: b"x" * (20 * 1024 * 1024 + 1), "too_big"),
    "wrong columns": (lambda: as_csv([["1", "2"]], head=["a", "b"]), "no_heading"),
    "no number": (lambda: as_csv([["张三"]], head=["姓名"]), "no_heading"),
    "a column twice": (lambda: as_csv([ROW], head=["姓名", "姓名", "证件号码", "住址"]), "heading_twice"),
    "only headings": (lambda: as_csv([]), "no_rows"),
    "only blank lines": (lambda: as_csv([["", "", "", ""]]), "no_rows"),
    "only the example": (lambda: files.template("xlsx"), "no_rows"),
    "pdf named xlsx": (lambda: b"%PDF-1.7 x", "no_table"),
    "picture": (lambda: b"\xff\xd8\xff\xe0", "no_table"),
    "html named xls": (lambda: b"<html><table></table>", "web_page"),
    "OpenDocument": (lambda: only_zip("mimetype", "content.xml"), "open_document"),
    "old xls": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old_workbook"),
    "protected": (
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
        "protected",
    ),
    "macros": (lambda: with_member(as_workbook([ROW]), "xl/vbaProject.bin"), "macros"),
    "zip bomb": (bomb, "bomb"),
    "201 members": (
        lambda: with_many(as_workbook([ROW]), 201),
        "bomb",
    ),
    "zip that is no workbook": (lambda: only_zip(), "no_table"),
    "cut zip": (lambda: as_workbook([ROW])[:700], "damaged"),
    "broken sheet": (lambda: replaced(as_workbook([ROW]), b"</c>", b"</d>"), "damaged"),
    "last corner": (corner, "too_wide"),
    "entities": (entities, "damaged"),
    "UTF-16": (lambda: as_csv([ROW], encoding="utf-16"), "utf16"),
    "NUL": (lambda: as_csv([ROW]) + b"\0", "no_table"),
    "two encodings": (lambda: as_csv([ROW]) + "李四\xff".encode("latin1", "ignore") + b"\xff\xff,", "encoding"),
    "open quotation mark": (lambda: as_csv([ROW]) + ('"' + "x" * 3_000).encode(), "broken_line"),
    "open quotation mark near the end": (lambda: as_csv([ROW] * 2)[:-2] + b'\r\n"x', "broken_line"),
    "open quotation mark before people": (lambda: as_csv([ROW] * 3).replace(b",\xe7", b',"\xe7', 1), "broken_line"),
    "a quotation mark inside of a text": (lambda: as_csv([ROW], encoding="utf-8").replace(b"8", b'8"'), 1),
    "two lines in one cell": (lambda: as_csv([[*ROW[:3], "甲山村\n8号"], ROW]), 2),
    "UTF-8 with mark": (lambda: as_csv([ROW]), 1),
    "UTF-8": (lambda: as_csv([ROW], encoding="utf-8"), 1),
    "GB18030": (lambda: as_csv([["㐂𠮷", *ROW[1:]]], encoding="gb18030"), 1),
    "GB18030 with mark": (lambda: "\ufeff".encode("gb18030") + as_csv([ROW], encoding="gb18030"), 1),
    "two lists": (lambda: with_sheet([HEAD, ROW]), "several_lists"),
    "a second sheet with headings alone": (lambda: with_sheet([HEAD]), 1),
    "a second sheet of notes": (lambda: with_sheet([["怎样填写"], ["姓名", "按身份证填写"]]), 1),
    "a hidden second list": (lambda: with_sheet([HEAD, ROW], hidden=True), 1),
    "semicolons": (lambda: as_csv([ROW], encoding="utf-8").replace(b",", b";"), 1),
    "workbook": (lambda: as_workbook([ROW, ROW]), 2),
    "title above": (lambda: as_workbook([HEAD, ROW], head=["甲山村2027年度参保名单", "", "", ""]), 1),
    "english": (lambda: as_csv([ROW], head=["Name", "Identity number", "Phone", "Address"]), 1),
}


def with_sheet(rows, *, hidden=False):
    """A workbook with one good line and a further sheet."""
    stream = io.BytesIO()
    with xlsxwriter.Workbook(stream) as book:
        for number, lines in enumerate(([HEAD, ROW], rows)):
            sheet = book.add_worksheet()
            for line, cells in enumerate(lines):
                sheet.write_row(line, 0, cells)
            if number and hidden:
                sheet.hide()
    return stream.getvalue()


def with_many(content, count):
    for number in range(count):
        content = content if number else with_member(content, "a/0")
    stream = io.BytesIO(content)
    with zipfile.ZipFile(stream, "a") as archive:
        for number in range(count):
            archive.writestr(f"a/{number + 1}", b"")
    return stream.getvalue()


def only_zip(*names):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names or ("readme.txt",):
            archive.writestr(name, "x")
    return stream.getvalue()


def replaced(content, old, new):
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(stream, "w") as after:
        for member in before.infolist():
            after.writestr(member.filename, before.read(member).replace(old, new))
    return stream.getvalue()


@pytest.mark.parametrize("name", FILES)
def test_every_file_gets_a_verdict(name):
    """REL-X1, REL-X4, UX-C12: no file is read by chance, none is refused without words."""
    make, expected = FILES[name]
    assert verdict(make()) == expected


def test_every_refusal_and_fault_has_words_in_both_languages():
    """UX-C12: whoever is refused reads why, in the language of the page."""
    setting = None
    raw = reading.RawLine(2, {"name": "x", "id_number": "y"})
    for language in ("en", "zh-hans"):
        from django.utils import translation

        with translation.override(language):
            for code in texts.REFUSALS:
                assert "%(" not in texts.refusal(code, {"line": 1, "columns": ["name"], "column": "name", "sheet": "x"})
            codes = [code for code in texts.FAULTS if code != "not_open"]
            found = texts.sentences(raw, [columns.Fault("id_kind", code, 7) for code in codes], setting)
            assert all(fault.text and "%(" not in fault.text for fault in found)


def test_formulas_are_text_and_never_their_value():
    """REL-X2, REL-X5: a formula cell of a workbook is its own text, whatever value the file claims for it."""

    def change(sheet):
        sheet.write_formula(1, 0, '=HYPERLINK("http://x","张三")', None, "张三")
        sheet.write_formula(1, 1, "=A1", None, "450302199003079919")

    (line,) = lines_of(as_workbook([ROW], change=change))
    assert line.cells["name"] == '=HYPERLINK("http://x","张三")'
    faults = columns.read_line(line.cells, line.marks, TODAY).faults
    assert [(fault.column, fault.code) for fault in faults] == [("name", "formula"), ("id_number", "formula")]


def test_a_date_kept_as_a_number_is_named_and_never_guessed():
    """UX-C12, REL-X5: the days of a spreadsheet are no date; the words say what to do."""
    (line,) = lines_of(as_workbook([[*ROW, 31107]], head=[*HEAD, "出生日期"]))
    faults = columns.read_line(line.cells, line.marks, TODAY).faults
    assert [(fault.column, fault.code) for fault in faults] == [("birth_on", "serial")]


def test_cells_that_lost_digits_or_are_merged_are_named():
    """REL-X5: a number that became a float is an error and nothing is guessed; merged cells likewise."""
    number_cell = as_workbook([["张三", 450302199003079919, 19900000001, "甲山村"]])
    (line,) = lines_of(number_cell)
    assert (line.marks, line.cells["phone"]) == ({"id_number": "lost_digits"}, "19900000001")
    (fault,) = texts.sentences(line, [columns.Fault("id_number", "lost_digits")], None)
    assert "4.503…E+17" in fault.text
    assert "1990" not in fault.text
    (text,) = lines_of(as_csv([["张三", "4.50302E+17", "", "甲山村"]]))
    assert text.marks == {"id_number": "lost_digits"}
    merged = as_workbook([ROW, ROW], change=lambda sheet: sheet.merge_range(1, 3, 2, 3, "甲山村"))
    assert [line.marks for line in lines_of(merged)] == [{"address": "merged"}, {"address": "merged"}]
    (ragged,) = lines_of(as_csv([]) + "张三,450302199003079919,,甲山村,8号\r\n".encode())
    assert ragged.marks == {"": "ragged"}


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1"])
def test_files_given_out_never_begin_a_cell_with_a_formula(start):
    """REL-X2: an apostrophe goes in front on the way out and comes off on the way in."""
    for write, read in ((files._write_csv, _read_csv), (_write_book, _read_book)):
        stream = io.BytesIO()
        write(stream, HEAD, [[start, *ROW[1:]]])
        assert read(stream.getvalue())[0] == f"'{start}"
        if start.strip() == start:
            assert lines_of(stream.getvalue())[0].cells["name"] == start


def _write_book(stream, head, rows):
    files._write_workbook(stream, head, rows, [10] * len(head))


def _read_csv(content):
    return next(csv.reader(io.StringIO(content.decode("utf-8-sig").split("\r\n", 1)[1], newline="")))


def _read_book(content):
    import python_calamine

    return python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()[1]


def test_a_line_is_told_of_everything_at_once():
    """UX-C12, A2: every wrong cell of a line has its own fault; nothing hides behind another."""
    cells = {"name": "张3", "id_number": "450302199003079918", "phone": "123", "sex": "x", "missed_years": "many"}
    read = columns.read_line(cells, {}, TODAY)
    assert {(fault.column, fault.code) for fault in read.faults} == {
        ("name", "name.characters"),
        ("id_number", "identity.checksum"),
        ("phone", "phone"),
        ("sex", "choice"),
        ("missed_years", "years"),
        ("address", "required"),
    }


@pytest.mark.parametrize(
    ("cells", "faults"),
    [
        ({"birth_on": "1990-03-08"}, [("birth_on", "number_birth")]),
        ({"sex": "女"}, [("sex", "number_sex")]),
        ({"birth_on": "1990年3月7日", "sex": "男"}, []),
        ({"birth_on": "2990-03-07"}, [("birth_on", "future")]),
    ],
)
def test_a_line_that_contradicts_its_identity_number_is_named(cells, faults):
    """REL-X5, A2: a day of birth or a sex that the number does not have decides nothing by itself."""
    number = identity_number("450302", "19900307", "M")
    read = columns.read_line({"name": "李四", "id_number": number, "address": "甲山"} | cells, {}, TODAY)
    assert [(fault.column, fault.code) for fault in read.faults] == faults
    raw = reading.RawLine(2, {"id_number": number} | cells)
    words = [fault.text for fault in texts.sentences(raw, read.faults, None)]
    assert all("1990年3月7日" in text for text, fault in zip(words, read.faults, strict=True) if "birth" in fault.code)


def test_choices_are_read_in_both_languages_and_by_code():
    """UX-C12: what the template offers in either language is understood, full-width or not."""
    number = identity_number("450302", "19900307", "F")
    for status in ("本地户籍", "local_hukou", "Household register of this area", "", "户籍"):
        cells = {"name": "李四", "id_number": number, "address": "甲山", "status": status, "missed_years": "１"}
        person = columns.read_line(cells, {}, TODAY).person
        assert (person.status, person.missed_years, person.sex) == ("local_hukou", 1, "F")
    student = {"name": "李四", "id_number": number, "address": "甲山", "status": "student"}
    assert [fault.code for fault in columns.read_line(student, {}, TODAY).faults] == ["school"]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_template_is_a_roster(kind, language):
    """UX-C12: headings of the template are those the reader knows; its example is skipped."""
    from django.utils import translation

    with translation.override(language):
        content = files.template(kind)
        example = {column.code: pick(column.example) for column in columns.COLUMNS}
        options = {(column.code, option) for column in columns.COLUMNS for option in column.options}
    assert verdict(content) == "no_rows"
    read = columns.read_line(example | {"name": "张三"}, {}, TODAY)
    assert read.faults == []
    assert [pair for pair in options if columns.BY_CODE[pair[0]].read(pair[1]) in (None, "")] == []


def test_slow_judging_is_no_hanging_reader():
    """REL-X3: the bound is on the wait for the child; whoever judges its lines may take longer."""
    read, write = os.pipe()
    os.write(write, b"1\n2\n3\n")
    lines = reading._lines_of(read, 0.05)
    assert next(lines) == b"1"
    time.sleep(0.1)
    assert next(lines) == b"2"
    assert next(lines) == b"3"
    with pytest.raises(reading.RosterRefused):
        next(lines)
    os.close(write)
    assert list(reading._lines_of(read, 0.05)) == []
    os.close(read)


def test_reading_a_workbook_leaves_no_child_behind():
    """REL-X4: the child ends when the reader stops half-way."""
    before = children()
    table = reading.open_table(as_workbook([ROW] * 500))
    next(table.lines)
    assert len(children() - before) == 1
    table.lines.close()
    assert children() == before


def children() -> set[str]:
    """The processes that this one has started and that still exist."""
    listed = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(os.getpid())], capture_output=True, text=True)
    return {line.strip() for line in listed.stdout.splitlines() if "ps -o" not in line}
