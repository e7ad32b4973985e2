"""A Sparkplug B host application of pysparkplug: prints each message that it can read as a line of JSON, and says why if not.

On standard input: {"rebirth": "GROUP/NODE"} asks a node for a birth; {"online": true, "host": ID, "timestamp": MS} tells the
host's state. The first line on standard output is {"ready": true}. It ends with its standard input.
"""

import argparse
import json
import sys
import time

import paho.mqtt.client as mqtt
from pysparkplug import DataType, Metric, MessageType, NCmd

births = {}


def say(message):
    """Writes one line."""
    print(json.dumps(message), flush=True)


def told(metric):
    """What a metric says."""
    value = metric.value.isoformat() if hasattr(metric.value, "isoformat") else metric.value
    named = {"name": metric.name, "alias": metric.alias, "type": metric.datatype.name}
    return named | {"value": value, "timestamp": metric.timestamp, "is_null": metric.is_null}


def read(topic, message):
    """A message of a node or a device."""
    _, _, kind, *name = topic.split("/")
    key = tuple(name)
    decoded = MessageType[kind].payload.decode(message.payload, birth=births.get(key) if kind.endswith("DATA") else None)
    if kind.endswith("BIRTH"):
        births[key] = decoded
    metrics = [decoded.bd_seq_metric] if kind == "NDEATH" else getattr(decoded, "metrics", ())
    said = {"kind": kind, "name": "/".join(name), "seq": getattr(decoded, "seq", None), "timestamp": decoded.timestamp}
    return said | {"qos": message.qos, "retain": bool(message.retain), "metrics": [told(metric) for metric in metrics]}


def on_message(_client, _context, message):
    """Called for each message."""
    if "/NCMD/" in message.topic or "/STATE/" in message.topic:
        return
    try:
        say(read(message.topic, message))
    except Exception as error:
        say({"unreadable": f"{message.topic}: {type(error).__name__}: {error}"})


def main(port):
    client = mqtt.Client("host")
    client.on_message = on_message
    client.on_subscribe = lambda *_: say({"ready": True})
    client.connect("127.0.0.1", port)
    client.subscribe("spBv1.0/#", 1)
    client.loop_start()
    for line in sys.stdin:
        request = json.loads(line)
        if "rebirth" in request:
            group, node = request["rebirth"].split("/")
            now = int(time.time() * 1000)
            metric = Metric(timestamp=now, name="Node Control/Rebirth", datatype=DataType.BOOLEAN, value=True)
            command = NCmd(timestamp=now, metrics=(metric,))
            client.publish(f"spBv1.0/{group}/NCMD/{node}", command.encode(include_dtypes=True), qos=0)
        else:
            state = json.dumps({"online": request["online"], "timestamp": request["timestamp"]})
            client.publish(f"spBv1.0/STATE/{request['host']}", state, qos=1, retain=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    main(parser.parse_args().port)
