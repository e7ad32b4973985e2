"""A Sparkplug B edge node of pysparkplug, `plant/press` with the device `heater`, that obeys lines of JSON.

{"do": "node", "name": N, "value": V} and {"do": "device", "name": N, "value": V} change a metric of the node, which has `load`
(Double) and `count` (Int16), or of the device, which has `temperature` (Float) and `state` (String). {"do": "die"} ends the
device, {"do": "skip"} loses a message on the way, {"do": "leave"} ends the node. Each is answered with {"ok": true}; the first
line says that it is connected.
"""

import argparse
import dataclasses
import itertools
import json
import sys
import time

from pysparkplug import DataType, DBirth, Device, EdgeNode, Message, MessageType, Metric, NBirth, QoS, Topic

TYPES = {"load": DataType.DOUBLE, "count": DataType.INT16, "temperature": DataType.FLOAT, "state": DataType.STRING}


def metric(name, value):
    """A metric that is true now."""
    return Metric(timestamp=int(time.time() * 1000), name=name, datatype=TYPES[name], value=value)


def publish(node, kind, payload, device=None):
    """Sends a birth as the library does at a connection."""
    topic = Topic(message_type=kind, group_id="plant", edge_node_id="press", device_id=device)
    message = Message(topic=topic, payload=payload, qos=QoS.AT_MOST_ONCE, retain=False)
    node._client.publish(message, include_dtypes=True)


def rebirth(node, _command):
    """What the library leaves to its users: a host wants to hear all again. The number of the birth is that of the will."""
    node._EdgeNode__seq_cycler = itertools.cycle(range(256))
    now = int(time.time() * 1000)
    bd_seq = dataclasses.replace(node._bd_seq_metric, value=node._bd_seq_metric.value - 1)
    birth = NBirth(timestamp=now, seq=node._seq, metrics=(*node.metrics.values(), bd_seq))
    publish(node, MessageType.NBIRTH, birth)
    for name, device in node.devices.items():
        birth = DBirth(timestamp=now, seq=node._seq, metrics=tuple(device.metrics.values()))
        publish(node, MessageType.DBIRTH, birth, name)


def main(port):
    node = EdgeNode("plant", "press", [metric("load", 0.5), metric("count", -2)], cmd_callback=rebirth)
    node.register(Device("heater", [metric("temperature", 21.5), metric("state", "cold")]))
    node.connect("127.0.0.1", port=port)
    while not node._connected:
        time.sleep(0.01)
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        match request["do"]:
            case "node":
                node.update([metric(request["name"], request["value"])])
            case "device":
                node.update_device("heater", [metric(request["name"], request["value"])])
            case "die":
                node.deregister("heater")
            case "skip":
                next(node._EdgeNode__seq_cycler)
            case "leave":
                node.disconnect()
        print(json.dumps({"ok": True}), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    main(parser.parse_args().port)
