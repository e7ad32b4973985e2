"""A Modbus device of pymodbus: coils 0 to 15 and holding registers 0 to 63; it refuses every other address.

It has unit 1, and more if --units says so.
"""

import argparse
import asyncio
import ssl

from control import obey
from pymodbus import FramerType
from pymodbus.server import ModbusSerialServer, ModbusTcpServer, ModbusTlsServer
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


def server(arguments, devices):
    """The server of a transport."""
    address = ("127.0.0.1", arguments.port)
    match arguments.transport:
        case "tcp":
            return ModbusTcpServer(devices, address=address)
        case "rtu-over-tcp":
            return ModbusTcpServer(devices, framer=FramerType.RTU, address=address)
        case "tls":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(arguments.certificate, arguments.key)
            if arguments.ca:
                context.load_verify_locations(arguments.ca)
                context.verify_mode = ssl.CERT_REQUIRED
            # Within TLS the standard has the frames of Modbus TCP; pymodbus alone would leave their headers out.
            return ModbusTlsServer(devices, framer=FramerType.SOCKET, address=address, sslctx=context)
        case "rtu":
            # A pseudo-terminal knows no parity.
            return ModbusSerialServer(devices, port=arguments.line, baudrate=19200, parity="N")


async def main(arguments):
    device = Device()

    def simulated(unit):
        bits = [SimData(0, values=[False] * 16, datatype=DataType.BITS)]
        words = [SimData(0, values=[0] * 64, datatype=DataType.REGISTERS)]
        return SimDevice(unit, simdata=(bits, bits, words, words), action=device.answer)

    device.server = server(arguments, [simulated(unit) for unit in arguments.units])
    await device.server.serve_forever(background=True)
    await obey(arguments.port, {"coils": device.coils, "registers": device.registers, "late": device.late})
    await device.server.shutdown()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--transport", default="tcp", choices=["tcp", "tls", "rtu-over-tcp", "rtu"])
    parser.add_argument("--units", type=int, nargs="+", default=[UNIT])
    parser.add_argument("--line", help="path of the serial line")
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--ca", help="who must have signed the client's certificate")
    asyncio.run(main(parser.parse_args()))
