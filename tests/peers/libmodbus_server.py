"""A Modbus TCP device of libmodbus, through ctypes: 16 coils and 64 holding registers.

It serves one client at a time, as many devices do: the next waits until the one before has gone.
"""

import argparse
import asyncio
import ctypes
import threading

from control import obey

ADU_BYTES_MAX = 260
libmodbus = ctypes.CDLL("libmodbus.so.5", use_errno=True)


class Mapping(ctypes.Structure):
    """modbus_mapping_t."""

    _fields_ = [(name, ctypes.c_int) for name in (
        "nb_bits", "start_bits", "nb_input_bits", "start_input_bits",
        "nb_input_registers", "start_input_registers", "nb_registers", "start_registers")] + [
        ("tab_bits", ctypes.POINTER(ctypes.c_uint8)),
        ("tab_input_bits", ctypes.POINTER(ctypes.c_uint8)),
        ("tab_input_registers", ctypes.POINTER(ctypes.c_uint16)),
        ("tab_registers", ctypes.POINTER(ctypes.c_uint16)),
    ]


libmodbus.modbus_new_tcp.restype = ctypes.c_void_p
libmodbus.modbus_new_tcp.argtypes = [ctypes.c_char_p, ctypes.c_int]
libmodbus.modbus_mapping_new.restype = ctypes.POINTER(Mapping)
libmodbus.modbus_tcp_listen.argtypes = [ctypes.c_void_p, ctypes.c_int]
libmodbus.modbus_tcp_accept.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_int)]
libmodbus.modbus_receive.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
libmodbus.modbus_reply.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.POINTER(Mapping)]
libmodbus.modbus_close.argtypes = [ctypes.c_void_p]


def serve(context, listener, mapping):
    """One client after another."""
    socket = ctypes.c_int(listener)
    while libmodbus.modbus_tcp_accept(context, ctypes.byref(socket)) >= 0:
        request = ctypes.create_string_buffer(ADU_BYTES_MAX)
        while (length := libmodbus.modbus_receive(context, request)) >= 0:
            if length and libmodbus.modbus_reply(context, request, length, mapping) < 0:
                break
        libmodbus.modbus_close(context)
        socket = ctypes.c_int(listener)


async def main(port):
    context = libmodbus.modbus_new_tcp(b"127.0.0.1", port)
    mapping = libmodbus.modbus_mapping_new(16, 16, 64, 64)
    listener = libmodbus.modbus_tcp_listen(context, 8)
    if listener < 0:
        raise OSError(ctypes.get_errno(), f"port {port}")
    threading.Thread(target=serve, args=(context, listener, mapping), daemon=True).start()

    async def registers(start, values):
        """Sets holding registers."""
        for place, value in enumerate(values, start):
            mapping.contents.tab_registers[place] = value

    await obey(port, {"registers": registers})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    asyncio.run(main(parser.parse_args().port))
