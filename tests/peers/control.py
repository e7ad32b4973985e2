"""The control channel of a peer: JSON lines on standard input, one answer on standard output for each.

A request is an object whose "do" names what to do; its other members are the arguments. The answer is {"ok": true}, or
{"error": "..."}. The first line on standard output is {"ready": PORT}. The peer ends with its standard input.
"""

import asyncio
import json
import sys


def say(message):
    """Writes one line."""
    print(json.dumps(message), flush=True)


async def obey(port, actions):
    """Says that the peer is ready, then carries out requests until there are no more."""
    say({"ready": port})
    requests = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(requests), sys.stdin)
    while line := await requests.readline():
        try:
            request = json.loads(line)
            await actions[request.pop("do")](**request)
            say({"ok": True})
        except Exception as error:
            say({"error": f"{type(error).__name__}: {error}"})
