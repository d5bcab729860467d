"""Makes sockets in network namespaces, then becomes another program, which inherits them.

A process is in one namespace, yet a socket stays in the one that it was made in. So one program can be many hosts.

Usage: sockets-then-run.py '[{"namespace": ..., "host": ..., "port": ..., "kind": ..., "fd": ...}, ...]' namespace program arguments...
The kind is "udp" or "tcp" (which listens). The program itself runs in the namespace named; in this one if it is "-".
"""
import ctypes
import json
import os
import socket
import sys

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def enter(path):
    with open(path) as namespace:
        if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


places, inside = json.loads(sys.argv[1]), sys.argv[2]
own = os.open("/proc/self/ns/net", os.O_RDONLY)
for place in places:
    enter("/run/netns/" + place["namespace"])
    tcp = place["kind"] == "tcp"
    made = socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
    made.bind((place["host"], place["port"]))
    if tcp:
        made.listen()
    os.dup2(made.fileno(), place["fd"], inheritable=True)
    made.close()
enter("/proc/self/fd/%d" % own if inside == "-" else "/run/netns/" + inside)
os.execvp(sys.argv[3], sys.argv[3:])
