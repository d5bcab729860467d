"""Carries IP packets between TUN devices, and treats them as badly as it is told: loss, jitter, reordering, duplicates.

What `tc netem` does, for kernels without it. Packets go by their destination address; every pair of devices has a wire of its
own in each direction. Runs in the namespace where the devices are made; they may be moved to others afterwards.

Usage: bad-wire.py '{"devices": {"bad0": "9.1.0.1", ...}, "seed": 1, "conditions": {...}}'
Writes "ready", then for each line read one line of JSON with what became of the packets so far.
"""
import fcntl
import heapq
import json
import os
import random
import select
import socket
import struct
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
LARGEST_PACKET = 65536
# A queue of this many packets stands for the buffer of a bad router: what comes on top is lost.
LARGEST_QUEUE = 20000

options = json.loads(sys.argv[1])
conditions = options["conditions"]
chance = random.Random(options["seed"])
counts = dict.fromkeys(["sent", "lost", "reordered", "duplicated", "overflowed"], 0)


def tun(name):
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return device


devices = {name: tun(name) for name in options["devices"]}
by_address = {socket.inet_aton(host): devices[name] for name, host in options["devices"].items()}
waiting = []
# When the last packet of each wire that keeps its place arrives.
last_arrival = {}
order = 0


def happens(share):
    return chance.random() < share


def carry(source, target, packet, now):
    global order
    arrival = now + (conditions["delayMs"] + chance.random() * conditions["jitterMs"]) / 1000
    if happens(conditions["reordering"]):
        counts["reordered"] += 1
        arrival += chance.random() * conditions["reorderMs"] / 1000
    elif conditions["keepsOrder"]:
        wire = (source, target)
        arrival = max(arrival, last_arrival.get(wire, 0))
        last_arrival[wire] = arrival
    order += 1
    heapq.heappush(waiting, (arrival, order, target, packet))


def accept(source, packet, now):
    target = by_address.get(packet[16:20]) if packet[0] >> 4 == 4 else None
    if target is None:
        return
    counts["sent"] += 1
    if len(waiting) >= LARGEST_QUEUE:
        counts["overflowed"] += 1
    elif happens(conditions["loss"]):
        counts["lost"] += 1
    else:
        carry(source, target, packet, now)
        if happens(conditions["duplication"]):
            counts["duplicated"] += 1
            carry(source, target, packet, now)


poll = select.poll()
poll.register(sys.stdin.fileno(), select.POLLIN)
for device in devices.values():
    poll.register(device, select.POLLIN)
print("ready", flush=True)
while True:
    now = time.monotonic()
    while waiting and waiting[0][0] <= now:
        _, _, target, packet = heapq.heappop(waiting)
        try:
            os.write(target, packet)
        except OSError:
            pass  # the device is down, or its queue is full: lost
    timeout = None if not waiting else max(0, (waiting[0][0] - now) * 1000)
    for descriptor, _ in poll.poll(timeout):
        if descriptor == sys.stdin.fileno():
            if not sys.stdin.readline():
                sys.exit()
            print(json.dumps(counts), flush=True)
            continue
        try:
            while True:
                accept(descriptor, os.read(descriptor, LARGEST_PACKET), time.monotonic())
        except OSError:
            pass  # all read, or the device is not up yet
