"""A tightening controller that speaks Open Protocol, as far as its results go: MIDs 0001 to 0005, 0060 to 0065 and 9999.

Written after the Open Protocol specification of Atlas Copco (9836 4415 01, release 2.8.0). It takes one client at a time, sends a
result and no further one before that is acknowledged, keeps all results with their ids, and ends a connection on which nothing
comes for 15 s. What it is told to do on standard input: see the functions of the class.
"""

import argparse
import asyncio
import contextlib

from control import obey

SILENCE_S = 15
PATIENCE_S = 45
REVISION, SUBSCRIBED, NOT_FOUND, UNKNOWN = 97, 9, 15, 99


def message(mid, revision, data=""):
    """As it goes over the wire."""
    return f"{20 + len(data):04}{mid:04}{revision:03}{'':9}{data}\0".encode()


def numbered(*fields):
    """Fields with their numbers."""
    return "".join(f"{number:02}{field}" for number, field in enumerate(fields, 1))


class Controller:
    """The controller and what it has."""

    def __init__(self, revisions):
        self.revisions = revisions
        self.results = {}
        self.unsent = []
        self.next_id = 1
        self.writer = None
        self.subscribed = None
        self.is_unacknowledged = False
        self.breaks_at = None
        self.asked = []

    async def tighten(self, vin, torque, angle, ok, time):
        """Makes a result."""
        self.results[self.next_id] = (vin, torque, angle, ok, time)
        if self.subscribed:
            self.unsent.append(self.next_id)
        self.next_id += 1
        await self.send_next()

    async def forget(self, before):
        """Forgets the results before an id."""
        self.results = {number: result for number, result in self.results.items() if number >= before}

    async def expect(self, mid, count):
        """Waits until a MID has been asked for so often."""
        async with asyncio.timeout(PATIENCE_S):
            while self.asked.count(mid) < count:
                await asyncio.sleep(0.02)

    async def expect_only(self, mids):
        """Fails if any other MID was ever asked for."""
        others = set(self.asked) - set(mids)
        if others:
            raise AssertionError(f"it was asked for {sorted(others)}")

    async def hang_up(self):
        """Ends the connection."""
        if self.writer:
            self.writer.close()

    async def break_at(self, number):
        """Ends the connection when that result is asked for, the first time."""
        self.breaks_at = number

    async def garble(self):
        """Sends what is no message."""
        self.writer.write(b"no message at all, and long enough to be one")
        await self.writer.drain()

    async def send_next(self):
        """Sends the next result that nobody has got."""
        if self.subscribed and self.unsent and not self.is_unacknowledged:
            self.is_unacknowledged = True
            self.writer.write(message(61, self.subscribed, self.last(self.unsent[0])))
            await self.writer.drain()

    def last(self, number):
        """The data of MID 0061."""
        vin, torque, angle, ok, time = self.results[number]
        torque, same = f"{int(torque * 100 + 0.5):06}", f"{0:06}"
        if self.subscribed == 1:
            angles = (f"{0:05}", f"{99:05}", f"{0:05}", f"{angle:05}")
            return numbered(
                "0001", "01", f"{'sim':25}", f"{vin:25}", "00", "003", "0004", "0001", f"{ok:d}", "1", "1",
                same, same, same, torque, *angles, time, time, "0", f"{number:010}")
        ones, zeros = ("1",) * 7, ("00000",) * 3
        return numbered(
            "0001", "01", f"{'sim':25}", f"{vin:25}", "0000", "003", "01", "00000", "0004", "0001", f"{ok:d}", "0",
            *ones, f"{0:010}", same, same, same, torque, *zeros, f"{angle:05}", *zeros[:2], f"{360:05}", "000", "000",
            "000", *(same,) * 6, f"{number:010}", "00000", "00000", f"{'T1':14}", time, time)

    def old(self, number, revision):
        """The data of MID 0065."""
        vin, torque, angle, ok, time = self.results[number]
        torque = f"{int(torque * 100 + 0.5):06}"
        if revision == 1:
            return numbered(f"{number:010}", f"{vin:25}", "003", "0001", f"{ok:d}", "1", "1", torque, f"{angle:05}", time, "0")
        return numbered(
            f"{number:010}", f"{vin:25}", "0000", "003", "01", "00000", "0004", "0001", f"{ok:d}", "0", *("1",) * 7,
            f"{0:010}", torque, f"{angle:05}", f"{360:05}", "000", f"{0:06}", f"{0:06}", "00000", "00000", f"{'T1':14}", time)

    async def answer(self, mid, revision, data):
        """What is sent for a request; `None` for nothing."""
        def refused(code):
            return message(4, 1, f"{mid:04}{code:02}")
        match mid:
            case 1:
                return message(2, 1, numbered("0001", "01", f"{'sim':25}")) if revision == 1 else refused(REVISION)
            case 60 if revision not in self.revisions:
                return refused(REVISION)
            case 60 if self.subscribed:
                return refused(SUBSCRIBED)
            case 60:
                self.subscribed = revision
                return message(5, 1, "0060")
            case 62:
                self.is_unacknowledged = False
                self.unsent.pop(0)
                return None
            case 64 if int(data) == self.breaks_at:
                self.breaks_at = None
                self.writer.close()
                return None
            case 64 if revision not in self.revisions or revision == 999:
                return refused(REVISION)
            case 64:
                number = int(data) or max(self.results, default=0)
                return message(65, revision, self.old(number, revision)) if number in self.results else refused(NOT_FOUND)
            case 3 | 63:
                self.subscribed = None
                return message(5, 1, f"{mid:04}")
            case 9999:
                return message(9999, 1)
        return refused(UNKNOWN)

    async def serve(self, reader, writer):
        """One connection."""
        self.writer, self.subscribed, self.is_unacknowledged = writer, None, False
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, TimeoutError):
            while True:
                async with asyncio.timeout(SILENCE_S):
                    length = await reader.readexactly(4)
                    rest = await reader.readexactly(int(length) - 3)
                assert rest[-1] == 0, rest
                mid, revision = int(rest[:4]), int(rest[4:7])
                self.asked.append(mid)
                if answer := await self.answer(mid, revision, rest[16:-1].decode()):
                    writer.write(answer)
                    await writer.drain()
                await self.send_next()
        # What is not taken is what was made while nobody listened: it is fetched by its id.
        self.unsent.clear()
        self.subscribed = None
        writer.close()


async def main():
    """Serves until standard input ends."""
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--port", type=int, required=True)
    arguments.add_argument("--revisions", type=int, nargs="+", default=[1, 2])
    chosen = arguments.parse_args()
    controller = Controller(chosen.revisions)
    server = await asyncio.start_server(controller.serve, "127.0.0.1", chosen.port)
    actions = {name: getattr(controller, name) for name in ("tighten", "forget", "expect", "expect_only", "hang_up", "break_at", "garble")}
    await obey(chosen.port, actions)
    server.close()


if __name__ == "__main__":
    asyncio.run(main())
