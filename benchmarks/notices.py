"""Goals 1 to 4: what a payment notice costs, as a ratio to WeasyPrint used plainly on the same HTML in the same run.

    python benchmarks/notices.py [--rounds 5] [--memory]

CPU time of this process and of the one that lays out pages for it, from the paper's data to the bytes, interleaved in
rounds, medians. "ours" are tagged PDF/UA-1 files, each of its own; "print file" is one file for the printer. A batch
begins with no page laid out, in memory or on disk, and with the layout process running, as WeasyPrint is loaded for
the naive way. ReportLab and Typst write the same texts, boxes and codes with the same cut fonts, untagged.

With `--memory` each way works in a process of its own that has loaded the portal, and resident memory is read on the
way. Goal 4 is about the worker; the layout process, which ends when it is idle, is printed beside it, and so is the
most that both held at one moment.
"""

import argparse
import io
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

import django  # noqa: E402

django.setup()

from portal.documents import fonts  # noqa: E402
from portal.documents.papers import Paper, layouts, render_pdf, render_pdf_fast, retext  # noqa: E402
from portal.documents.papers.print_file import FIRST_NUMBER, PrintPart, assemble  # noqa: E402
from tests.payments.unsaved import many_papers, unsaved_paper  # noqa: E402

GOALS = {
    "batch of 200": (0.011, "1"),
    "one on demand": (0.02, "2"),
    "bytes of a file": (0.30, "3"),
    "bytes of a page of the print file": (0.01, "3"),
    "peak memory": (0.25, "4"),
    "memory from the 750th to the 3,000th": (1.02, "4"),
}
MEMORY_COUNTS = {"naive": 60, "ours": 3_000}


def each_alone(make: Callable[[Paper], bytes]) -> Callable[[Sequence[Paper]], int]:
    """A way that makes a file for each paper."""
    return lambda papers: sum(len(make(paper)) for paper in papers)


def forget_pages() -> None:
    """Leaves no page laid out, and the layout process running."""
    retext.templates.clear()
    layouts.forget_kept()
    if layouts.maker.process_id is None:
        render_pdf(next(many_papers(1)))


def from_cold(papers: Sequence[Paper]) -> int:
    """Tagged files, the page laid out within."""
    forget_pages()
    return sum(len(render_pdf_fast(paper)) for paper in papers)


def print_file(papers: Sequence[Paper]) -> int:
    """One file for the printer in parts of 200, the page laid out within."""
    forget_pages()
    parts, first = [], FIRST_NUMBER
    for start in range(0, len(papers), 200):
        part = PrintPart(first=first)
        for paper in papers[start : start + 200]:
            part.add(paper)
        parts.append(part.close())
        first = parts[-1].next_number
    out = io.BytesIO()
    assemble(parts, out, title="Notices", language="zh-Hans")
    return len(out.getvalue())


def measured(way: Callable[[Sequence[Paper]], int], papers: Sequence[Paper]) -> tuple[float, float]:
    """CPU milliseconds and bytes for each paper."""
    if layouts.maker.process_id is None:
        # To start WeasyPrint is no part of a notice, here as in the naive way.
        render_pdf(papers[0])
    started = time.process_time() + layouts.maker.cpu_seconds
    size = way(papers)
    spent = time.process_time() + layouts.maker.cpu_seconds - started
    return spent * 1000 / len(papers), size / len(papers)


def compare(rounds: int) -> bool:
    """Prints the table of costs; returns whether the goals are met."""
    from benchmarks import _notice_peers as peers
    from benchmarks._notice_naive import naive_pdf

    peers.prepare_reportlab()
    papers = list(many_papers(1_000))
    naive = each_alone(lambda paper: naive_pdf([paper]))
    reportlab = each_alone(lambda paper: peers.reportlab_pdf([paper]))
    typst = each_alone(lambda paper: peers.typst_pdf([paper]))
    ways: dict[str, tuple[Callable[[Sequence[Paper]], int], int]] = {
        "naive WeasyPrint, single": (naive, 3),
        "lean WeasyPrint, single": (each_alone(render_pdf), 5),
        "ReportLab, single": (reportlab, 10),
        "Typst, single": (typst, 5),
        "ours, single, warm": (each_alone(render_pdf_fast), 100),
        "ours, batch of 200": (from_cold, 200),
        "ours, batch of 1,000": (from_cold, 1_000),
        "print file of 200": (print_file, 200),
        "print file of 1,000": (print_file, 1_000),
        "ReportLab, file of 200": (lambda batch: len(peers.reportlab_pdf(batch)), 200),
        "ReportLab, file of 1,000": (lambda batch: len(peers.reportlab_pdf(batch)), 1_000),
        "Typst, file of 200": (lambda batch: len(peers.typst_pdf(batch)), 200),
        "Typst, file of 1,000": (lambda batch: len(peers.typst_pdf(batch)), 1_000),
    }
    for way, _count in ways.values():
        way(papers[:2])
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, (way, count) in ways.items():
            if name == "ours, single, warm":
                way(papers[:1])
            found[name].append(measured(way, papers[:count] if count >= 200 else papers[number * 7 :][:count]))
    costs = {
        name: tuple(statistics.median(column) for column in zip(*rows, strict=True)) for name, rows in found.items()
    }
    base_time, base_size = costs["naive WeasyPrint, single"]
    print(f"{'CPU ms and KiB for each notice':<34}{'ms':>9}{'/ naive':>9}{'KiB':>9}{'/ naive':>9}")
    for name, (cost, size) in costs.items():
        print(f"{name:<34}{cost:>9.2f}{cost / base_time:>9.4f}{size / 1024:>9.1f}{size / base_size:>9.4f}")
    met = [
        judged("batch of 200", costs["ours, batch of 200"][0] / base_time),
        judged("one on demand", costs["ours, single, warm"][0] / base_time),
        judged("bytes of a file", costs["ours, single, warm"][1] / base_size),
        judged("bytes of a page of the print file", costs["print file of 200"][1] / base_size),
    ]
    for count in ("200", "1,000"):
        peer_cost = min(costs[f"ReportLab, file of {count}"][0], costs[f"Typst, file of {count}"][0])
        ours = max(costs[f"ours, batch of {count}"][0], costs[f"print file of {count}"][0])
        met.append(ours < peer_cost)
        print(f"{'slower of ours / faster peer, ' + count:<44}{ours / peer_cost:>8.3f}  goal 1  {_word(met[-1])}")
    return all(met)


def judged(name: str, ratio: float) -> bool:
    """Prints a goal with what was measured."""
    most, goal = GOALS[name]
    print(f"goal {goal}: {name:<37}{ratio:>8.4f}  at most {most}  {_word(ratio <= most)}")
    return ratio <= most


def _word(met: bool) -> str:
    return "met" if met else "MISSED"


def resident_mib(process: int | str = "self") -> float:
    """Resident memory of a process now, 0 when it has ended."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def own_mib(process: int | str = "self") -> float:
    """Memory of a process with what several share divided among them, 0 when it has ended."""
    try:
        rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0) / 1024


def peak_mib(process: int) -> float:
    """The most resident memory that a process has had, 0 when it has ended.

    What the system says of ended children counts the memory of this process too, from which they were started.
    """
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0) / 1024


def work(way: str) -> None:
    """Makes notices of many shapes and prints MiB: peak, the loaded portal, at the 750th notice, at the end, the peak
    of the layout process, and the most that both held after a notice: resident, and with shared pages counted once.
    """
    rng = random.Random(4)
    render: Callable[[Paper], bytes] = render_pdf_fast
    if way == "naive":
        from benchmarks._notice_naive import naive_pdf

        def render(paper: Paper) -> bytes:
            return naive_pdf([paper])

    retext.templates.clear()
    layouts.forget_kept()
    at_750, both, both_once, other, loaded = 0.0, 0.0, 0.0, 0.0, resident_mib()
    for number in range(1, MEMORY_COUNTS[way] + 1):
        kind = rng.choice(("premium", "nontax"))
        render(unsaved_paper(rng, kind=kind, language=rng.choice(("zh-hans", "en")),
                             lines=rng.choice((1, 1, 2, 3)) if kind == "premium" else 1))  # fmt: skip
        if layout_process := layouts.maker.process_id:
            other = max(other, peak_mib(layout_process))
            held = resident_mib() + resident_mib(layout_process)
            if held > both:
                both, both_once = held, max(both_once, own_mib() + own_mib(layout_process))
        if number == 750:
            at_750 = resident_mib()
    at_end = resident_mib()
    layouts.maker.close()
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(own, loaded, at_750, at_end, other, both, both_once)


def compare_memory() -> bool:
    """Prints the memory of both ways; returns whether the goals are met."""
    found = {}
    for way in MEMORY_COUNTS:
        command = [sys.executable, "-m", "benchmarks.notices", "--work", way]
        answer = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
        found[way] = [float(value) for value in answer.split()[-7:]]
        peak, loaded, early, late, _other, _both, _once = found[way]
        print(
            f"{way:<8}{MEMORY_COUNTS[way]:>6} notices  peak {peak:.0f} MiB  portal {loaded:.0f}"
            f"  at the 750th {early:.0f}  at the end {late:.0f}"
        )
    peak, loaded, early, late, other, both, once = found["ours"]
    naive_peak, naive_loaded = found["naive"][:2]
    above = (peak - loaded) / (naive_peak - naive_loaded)
    print(f"peak above the loaded portal, ours / naive{above:>12.4f}")
    print(f"layout process, while there are new pages: peak {other:.0f} MiB; with the worker {both:.0f} MiB,"
          f" / naive {both / naive_peak:.4f}; shared pages counted once {once:.0f} MiB,"
          f" / naive {once / naive_peak:.4f}")  # fmt: skip
    return all([
        judged("peak memory", peak / found["naive"][0]),
        judged("memory from the 750th to the 3,000th", late / early),
    ])  # fmt: skip


def main() -> int:
    """Runs what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--work", choices=MEMORY_COUNTS)
    options = parser.parse_args()
    if not fonts.is_built():
        print("The fonts of papers are not cut: python manage.py build_fonts")
        return 1
    if options.work:
        work(options.work)
        return 0
    met = compare_memory() if options.memory else compare(options.rounds)
    return 0 if met else 1


if __name__ == "__main__":
    raise SystemExit(main())
