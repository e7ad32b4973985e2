"""An OPC UA server of asyncua, without security. Its nodes are nsu=urn:linetwin:e2e;s=NAME, as requests make them."""

import argparse
import asyncio
from datetime import datetime, timezone

from asyncua import Server, ua
from control import obey

NAMESPACE = "urn:linetwin:e2e"


class Nodes:
    """The server's variables."""

    def __init__(self, server, namespace):
        self.server = server
        self.namespace = namespace
        self.types = {}

    async def add(self, name, type, value):
        """Adds a variable of an OPC UA built-in type, such as Double."""
        self.types[name] = ua.VariantType[type]
        node = self.node_id(name)
        await self.server.nodes.objects.add_variable(node, name, value, self.types[name])
        await self.set(name, value)

    async def set(self, name, value, status="Good"):
        """Gives a variable a value that is true now, with a status code by name, such as BadSensorFailure."""
        now = datetime.now(timezone.utc).replace(tzinfo=None)
        code = ua.StatusCode(getattr(ua.StatusCodes, status))
        variant = ua.Variant(value, self.types[name])
        data = ua.DataValue(Value=variant, StatusCode=code, SourceTimestamp=now, ServerTimestamp=now)
        await self.server.write_attribute_value(self.node_id(name), data)

    def node_id(self, name):
        return ua.NodeId(name, self.namespace)


async def main(port):
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    nodes = Nodes(server, await server.register_namespace(NAMESPACE))
    async with server:
        await obey(port, {"add": nodes.add, "set": nodes.set})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    asyncio.run(main(parser.parse_args().port))
