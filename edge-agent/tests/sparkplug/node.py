"""An edge node of Sparkplug B, made of pysparkplug, for the tests of the host.

    node.py PORT GROUP NODE BDSEQ

It connects with its death as will, and then does what standard input says, a line each, answering each with `done`:

    nbirth                      temperature (alias 1), counter (alias 2), state, note, its bdSeq
    dbirth DEVICE               speed (alias 11), level, on, offset
    ndata ALIAS TYPE VALUE      one metric by its alias, without its name
    ddata DEVICE ALIAS TYPE VALUE
    history DEVICE ALIAS TYPE VALUE MILLIS
    null DEVICE ALIAS TYPE
    ddeath DEVICE
    lose                        a message that does not arrive: its sequence number is used up

A request for its birth is printed as `rebirth`, the state of a host as `host online` or `host offline`.
"""

import json
import sys
import time

from pysparkplug import (
    Client, DBirth, DData, DDeath, DataType, Message, MessageType, Metric, NBirth, NData, NDeath, QoS, Topic,
)

port, group, node, bd_seq = int(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4])
seq = 0


def say(text):
    print(text, flush=True)


def now():
    return int(time.time() * 1000)


def next_seq():
    global seq
    used, seq = seq, (seq + 1) % 256
    return used


def metric(name, datatype, value, alias=None, **more):
    return Metric(timestamp=more.pop("timestamp", now()), name=name, datatype=datatype, value=value, alias=alias, **more)


def value_of(datatype, text):
    if datatype == DataType.BOOLEAN:
        return text == "true"
    if datatype in (DataType.FLOAT, DataType.DOUBLE):
        return float(text)
    return text if datatype == DataType.STRING else int(text)


client = Client(client_id=f"{group}-{node}")


def publish(kind, payload, device=None, include_dtypes=False):
    topic = Topic(group_id=group, message_type=kind, edge_node_id=node, device_id=device)
    client.publish(Message(topic=topic, payload=payload, qos=QoS.AT_MOST_ONCE, retain=False), include_dtypes=include_dtypes)


def on_command(_client, message):
    if any(metric.name == "Node Control/Rebirth" and metric.value is True for metric in message.payload.metrics):
        say("rebirth")


bd_seq_metric = metric("bdSeq", DataType.INT64, bd_seq)
death = Message(
    topic=Topic(group_id=group, message_type=MessageType.NDEATH, edge_node_id=node),
    payload=NDeath(timestamp=now(), bd_seq_metric=bd_seq_metric),
    qos=QoS.AT_LEAST_ONCE,
    retain=False,
)
client.set_will(death)
client.subscribe(
    Topic(group_id=group, message_type=MessageType.NCMD, edge_node_id=node), QoS.AT_LEAST_ONCE, on_command
)
# pysparkplug itself has no host state with JSON on this topic, so the client under it listens.
client._client.message_callback_add(
    "spBv1.0/STATE/+",
    lambda _c, _u, message: say("host online" if json.loads(message.payload)["online"] else "host offline"),
)
client.connect(
    "127.0.0.1",
    port=port,
    callback=lambda connected: (connected._client.subscribe("spBv1.0/STATE/+", 1), say("connected")),
)

for line in sys.stdin:
    word, *rest = line.split()
    if word == "nbirth":
        seq = 0
        publish(
            MessageType.NBIRTH,
            NBirth(
                timestamp=now(),
                seq=next_seq(),
                metrics=(
                    bd_seq_metric,
                    metric("Node Control/Rebirth", DataType.BOOLEAN, False),
                    metric("temperature", DataType.FLOAT, 41.3, alias=1),
                    metric("counter", DataType.UINT64, 7, alias=2),
                    metric("note", DataType.STRING, "hello"),
                ),
            ),
        )
    elif word == "dbirth":
        publish(
            MessageType.DBIRTH,
            DBirth(
                timestamp=now(),
                seq=next_seq(),
                metrics=(
                    metric("speed", DataType.INT32, 9000, alias=11),
                    metric("level", DataType.UINT32, 4_000_000_000, alias=12),
                    metric("on", DataType.BOOLEAN, True, alias=13),
                    metric("offset", DataType.INT16, -5, alias=14),
                ),
            ),
            rest[0],
        )
    elif word == "ndata":
        datatype = DataType[rest[1]]
        changed = metric(None, datatype, value_of(datatype, rest[2]), alias=int(rest[0]))
        publish(MessageType.NDATA, NData(timestamp=now(), seq=next_seq(), metrics=(changed,)))
    elif word in ("ddata", "history"):
        datatype = DataType[rest[2]]
        more = {"is_historical": True, "timestamp": int(rest[4])} if word == "history" else {}
        changed = metric(None, datatype, value_of(datatype, rest[3]), alias=int(rest[1]), **more)
        publish(MessageType.DDATA, DData(timestamp=now(), seq=next_seq(), metrics=(changed,)), rest[0])
    elif word == "null":
        changed = metric(None, DataType[rest[2]], None, alias=int(rest[1]), is_null=True)
        publish(MessageType.DDATA, DData(timestamp=now(), seq=next_seq(), metrics=(changed,)), rest[0])
    elif word == "ddeath":
        publish(MessageType.DDEATH, DDeath(timestamp=now(), seq=next_seq()), rest[0])
    elif word == "lose":
        next_seq()
    say("done")
