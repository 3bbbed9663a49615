#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How fast is the stand-in for AWS?  Prints messages a second, by its processor time and by the clock.

    tests/sim/measure_aws.py [--requests N] [OPTION OF THE STAND-IN...]

The requests are signed before and sent 40 at a time over one connection, so that this program is
not what is measured.
"""
import json
import os
import re
import socket
import sys
import time

from aws_harness import Cloud, b64

DEPTH = 40
BATCH = 10
BODY = "x" * 300
LENGTH = re.compile(rb"Content-Length: (\d+)")


def processor_s(pid):
    with open("/proc/%d/stat" % pid) as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def request(cloud, service, action, body):
    headers, data = cloud.prepare(service, action, body)
    headers["content-length"] = len(data)
    head = "".join("%s: %s\r\n" % pair for pair in headers.items())
    return ("POST / HTTP/1.1\r\n%s\r\n" % head).encode() + data


def answers(connection, count):
    """The bodies of so many answers."""
    buffer = b""
    while count:
        end = buffer.find(b"\r\n\r\n")
        whole = end + 4 + int(LENGTH.search(buffer[:end]).group(1)) if end >= 0 else 0
        if not whole or len(buffer) < whole:
            buffer += connection.recv(1 << 20)
            continue
        if not buffer.startswith(b"HTTP/1.1 200"):
            raise SystemExit(buffer[:500].decode())
        yield buffer[end + 4:whole]
        buffer = buffer[whole:]
        count -= 1


def measure(cloud, what, requests, messages):
    bodies = []
    with socket.create_connection(("127.0.0.1", cloud.port)) as connection:
        processor, clock = processor_s(cloud.process.pid), time.monotonic()
        for i in range(0, len(requests), DEPTH):
            connection.sendall(b"".join(requests[i:i + DEPTH]))
            bodies += answers(connection, len(requests[i:i + DEPTH]))
        processor = processor_s(cloud.process.pid) - processor
        clock = time.monotonic() - clock
    count = len(requests) * messages
    print("%-20s %9d a second of processor, %9d by the clock, %6.1f us a request" % (
        what, count / max(processor, 0.01), count / clock, processor / len(requests) * 1e6))
    return bodies, processor / count


def main():
    arguments = sys.argv[1:]
    count = 5000
    if arguments[:1] == ["--requests"]:
        count = int(arguments[1])
        arguments = arguments[2:]
    cloud = Cloud("--no-shard-limits", "--queue", "q", "--stream", "s:2", *arguments)
    url = cloud.queue_url("q")
    cloud.tell("config", in_flight_max=10000000)
    send = request(cloud, "sqs", "SendMessageBatch", {"QueueUrl": url, "Entries": [
        {"Id": str(i), "MessageBody": BODY} for i in range(BATCH)]})
    receive = request(cloud, "sqs", "ReceiveMessage", {
        "QueueUrl": url, "MaxNumberOfMessages": BATCH, "VisibilityTimeout": 600,
        "MessageSystemAttributeNames": ["All"]})
    _, sending = measure(cloud, "SendMessageBatch", [send] * count, BATCH)
    bodies, receiving = measure(cloud, "ReceiveMessage", [receive] * count, BATCH)
    deletes = [request(cloud, "sqs", "DeleteMessageBatch", {"QueueUrl": url, "Entries": [
        {"Id": str(i), "ReceiptHandle": message["ReceiptHandle"]}
        for i, message in enumerate(json.loads(body)["Messages"])]}) for body in bodies]
    _, deleting = measure(cloud, "DeleteMessageBatch", deletes, BATCH)
    print("%-20s %9d a second of processor" % (
        "all three", 1 / max(sending + receiving + deleting, 1e-9)))
    put = request(cloud, "kinesis", "PutRecords", {"StreamName": "s", "Records": [
        {"Data": b64(BODY), "PartitionKey": "key%d" % i} for i in range(500)]})
    measure(cloud, "PutRecords of 500", [put] * (count // 20), 500)
    cloud.stop()


if __name__ == "__main__":
    main()
