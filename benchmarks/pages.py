"""Goals 8 and 9: what pages cost, as ratios to a bare view in the same process and on the same server.

    python benchmarks/pages.py [--rounds 7] [--wrk] [--seconds 5]

Without `--wrk`: CPU of a page with a form of 20 fields (crispy, our pack, base page, signed in) against an "ok" view
without middleware, in interleaved rounds in one process. With `--wrk` also: requests per second of "ok" against those
of a clerk's queue of 25 rows, from one gunicorn with two sync workers over 16 connections, in interleaved rounds. The
load comes from a small client of our own on the same machine; because a costly client flatters the quick side's
denominator, the ratio of the servers' CPU per request is printed too, and the worse of both is judged.
"""

from __future__ import annotations

import argparse
import os
import selectors
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks._portal import ROOT, answer, cpu_us, environ, seeded_portal, session_cookie
from tests.harness.services import free_port, wait_for

FORM_MUST, FORM_WISH = 120, 25
QUEUE_MUST, QUEUE_WISH = 10.0, 5.0
SPREAD_WISH = 1.6
CONNECTIONS = 16
QUEUE_ROWS = 25
CLERK = "clerk.jiashan"
QUEUE = "/desk/queue/"


def main() -> int:
    """Prints the figures; returns 1 when a must is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--wrk", action="store_true")
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    with seeded_portal():
        fill_queue()
        missed = in_process(options.rounds)
        if options.wrk:
            missed |= on_a_server(max(3, options.rounds // 2), options.seconds)
    return int(missed)


def fill_queue() -> None:
    """Gives the clerk more cases than one page shows."""
    from portal.demo.enrolments import Story, Teller
    from portal.people.models import User
    from portal.people.services import register_resident
    from portal.regions.models import Region
    from tests.people_cast import next_identity_number

    home = Region.objects.get(code="450302003")
    teller = Teller(clerks=[User.objects.get(username=CLERK)], reviewer=User.objects.get(username="reviewer.xiufeng"))
    for row in range(QUEUE_ROWS + 5):
        person = register_resident(
            identity_number=next_identity_number(), name="韦排队", phone=f"199{80_000_000 + row}", home_region=home
        )
        teller.tell(Story(person, "under_review"))


def in_process(rounds: int) -> bool:
    """Compares CPU without a socket; says whether the must is missed."""
    import portal.wsgi  # noqa: F401  what production serves sets the process up
    from benchmarks._pages_wsgi import FORM, OK, handlers

    bare, whole = handlers()
    cookie = browser_cookies(whole)
    pages = {"ok, no middleware": (bare, OK), "ok, whole stack": (whole, OK)}
    pages |= {"form of 20 fields": (whole, FORM), "queue of a clerk": (whole, QUEUE)}
    costs: dict[str, list[float]] = {name: [] for name in pages}
    sizes: dict[str, int] = {}
    for turn in range(rounds + 1):
        for name, (handler, address) in pages.items():
            status, _headers, body = answer(handler, environ(address, cookie=cookie))
            if status != 200:
                raise SystemExit(f"{address} answered {status}")
            sizes[name] = len(body)
            times = 500 if name.startswith("ok") else 20
            cost = cpu_us(
                lambda handler=handler, address=address: answer(handler, environ(address, cookie=cookie)), times
            )
            if turn:  # the first round warms caches
                costs[name].append(cost)
    floor = costs["ok, no middleware"]
    ratios = {
        name: statistics.median(one / other for one, other in zip(found, floor, strict=True))
        for name, found in costs.items()
    }
    for name, found in costs.items():
        print(
            f"{name}: {statistics.median(found):.0f} us CPU, {ratios[name]:.1f} times ok, {sizes[name] / 1024:.1f} KiB"
        )
    ratio = ratios["form of 20 fields"]
    print(f"goal 8: {ratio:.0f} (must {FORM_MUST}, wish {FORM_WISH})")
    return ratio > FORM_MUST


def browser_cookies(handler: Callable[..., Any]) -> str:
    """The cookies of a clerk's browser after its first pages: the session, and what they set."""
    name, _equals, value = session_cookie(CLERK).partition("=")
    cookies = {name: value}
    for _page in range(2):  # the first stores the session anew, the second renews the token against forgery
        kept = "; ".join(f"{name}={value}" for name, value in cookies.items())
        _status, headers, _body = answer(handler, environ(QUEUE, cookie=kept))
        name, _equals, value = headers["Set-Cookie"].partition(";")[0].strip().partition("=")
        cookies[name] = value
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def on_a_server(rounds: int, seconds: float) -> bool:
    """Compares throughput of one real server; says whether the must is missed."""
    from django.conf import settings

    from benchmarks._pages_wsgi import OK, handlers

    port = free_port()
    log = Path(settings.VAR_DIR) / "bench-web.log"
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "benchmarks._pages_server:application",
        f"--bind=127.0.0.1:{port}",
    ]
    command += ["--workers=2", "--worker-class=sync", "--no-control-socket", "--log-level=warning"]
    with log.open("wb") as out, subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out) as server:
        try:
            wait_for(port, server, "gunicorn", log)
            cookie = browser_cookies(handlers()[1])
            load(port, QUEUE, cookie, 2)
            quick, slow = [], []
            for _round in range(rounds):
                quick.append(measured(server.pid, port, OK, cookie, seconds))
                slow.append(measured(server.pid, port, QUEUE, cookie, seconds))
        finally:
            server.terminate()
    rates = [len(one[0]) / len(other[0]) for one, other in zip(quick, slow, strict=True)]
    cpus = [other[1] / one[1] for one, other in zip(quick, slow, strict=True)]
    times = sorted(taken for found, _cpu in slow for taken in found)
    p50, p95 = times[len(times) // 2], times[int(len(times) * 0.95)]
    rate, cpu = statistics.median(rates), statistics.median(cpus)
    print(f"gunicorn, 2 sync workers, {CONNECTIONS} connections, {rounds} rounds of {seconds:g} s")
    print(f"ok {statistics.median(len(one[0]) for one in quick) / seconds:.0f}/s,", end=" ")
    print(f"queue {statistics.median(len(one[0]) for one in slow) / seconds:.0f}/s, ratio {rate:.1f};", end=" ")
    print(f"server CPU per request {cpu:.1f} times that of ok")
    print(f"goal 9: {max(rate, cpu):.1f} (must {QUEUE_MUST}, wish {QUEUE_WISH});", end=" ")
    print(f"p50 {p50 * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms, {p95 / p50:.2f} times (wish {SPREAD_WISH})")
    return max(rate, cpu) > QUEUE_MUST


def measured(pid: int, port: int, address: str, cookie: str, seconds: float) -> tuple[list[float], float]:
    """Seconds each request took, and the server's CPU seconds for one."""
    before = cpu_of_children(pid)
    found = load(port, address, cookie, seconds)
    return found, (cpu_of_children(pid) - before) / len(found)


def cpu_of_children(pid: int) -> float:
    """CPU seconds of the workers of a server so far."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = stat.read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue  # it ended meanwhile
        if int(words[1]) == pid:
            ticks += int(words[11]) + int(words[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def load(port: int, address: str, cookie: str, seconds: float) -> list[float]:
    """Asks over 16 connections as fast as answers come; returns the seconds each took."""
    request = f"GET {address} HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n".encode()
    taken: list[float] = []
    end = time.perf_counter() + seconds
    with selectors.DefaultSelector() as waiting:
        for _connection in range(CONNECTIONS):
            _ask(waiting, port, request)
        while waiting.get_map():
            for key, _events in waiting.select():
                begun, head = key.data
                part = key.fileobj.recv(65_536)
                if not head:
                    key.data[1] = part[:16]
                if part:
                    continue
                if b" 200 " not in key.data[1]:
                    raise SystemExit(f"{address} answered {key.data[1]!r}")
                waiting.unregister(key.fileobj)
                key.fileobj.close()
                taken.append(time.perf_counter() - begun)
                if time.perf_counter() < end:
                    _ask(waiting, port, request)
    return taken


def _ask(waiting: selectors.BaseSelector, port: int, request: bytes) -> None:
    begun = time.perf_counter()
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(request)
    connection.setblocking(False)
    waiting.register(connection, selectors.EVENT_READ, [begun, b""])


if __name__ == "__main__":
    sys.exit(main())
