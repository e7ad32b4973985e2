"""Many Modbus TCP devices of pymodbus in one process, one for each port: unit 1, holding registers 0 to 63.

Register N of the device on port P holds (P * 31 + N) modulo 65536, so that no device can be taken for another.
"""

import argparse
import asyncio

from control import obey
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

REGISTERS = 64


async def main(ports):
    servers = []
    for port in ports:
        values = [(port * 31 + place) % 65536 for place in range(REGISTERS)]
        device = SimDevice(1, simdata=[SimData(0, values=values, datatype=DataType.REGISTERS)])
        server = ModbusTcpServer([device], address=("127.0.0.1", port))
        await server.serve_forever(background=True)
        servers.append(server)
    await obey(ports[0], {})
    for server in servers:
        await server.shutdown()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True, action="append", dest="ports")
    asyncio.run(main(parser.parse_args().ports))
