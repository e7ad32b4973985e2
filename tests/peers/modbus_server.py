"""A Modbus TCP device of pymodbus: coils 0 to 15 and holding registers 0 to 63; it refuses every other address."""

import argparse
import asyncio

from control import obey
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

UNIT = 1
WRITE_COILS = 15
WRITE_REGISTERS = 16
READS = (1, 2, 3, 4)


class Device:
    """The device and how it misbehaves."""

    def __init__(self):
        self.late_s = 0.0
        self.server = None

    async def answer(self, function, _start, _address, _count, _registers, _values):
        """Called for each access before it is answered."""
        if function in READS and self.late_s:
            await asyncio.sleep(self.late_s)

    async def coils(self, start, values):
        """Sets coils."""
        await self.server.async_setValues(UNIT, WRITE_COILS, start, values)

    async def registers(self, start, values):
        """Sets holding registers."""
        await self.server.async_setValues(UNIT, WRITE_REGISTERS, start, values)

    async def late(self, seconds):
        """From now on answers to reads are held back that long."""
        self.late_s = seconds


async def main(port):
    device = Device()
    bits = [SimData(0, values=[False] * 16, datatype=DataType.BITS)]
    words = [SimData(0, values=[0] * 64, datatype=DataType.REGISTERS)]
    simulated = SimDevice(UNIT, simdata=(bits, bits, words, words), action=device.answer)
    device.server = ModbusTcpServer(simulated, address=("127.0.0.1", port))
    await device.server.serve_forever(background=True)
    await obey(port, {"coils": device.coils, "registers": device.registers, "late": device.late})
    await device.server.shutdown()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    asyncio.run(main(parser.parse_args().port))
