"""Binds UDP sockets in network namespaces, then becomes another program, which inherits them.

A process is in one namespace, yet a socket stays in the one that it was made in. So one program can be many hosts.

Usage: sockets-then-run.py '[{"namespace": ..., "host": ..., "port": ..., "fd": ...}, ...]' program arguments...
"""
import ctypes
import json
import os
import socket
import sys

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)

sockets = []
for place in json.loads(sys.argv[1]):
    with open("/run/netns/" + place["namespace"]) as namespace:
        if libc.setns(namespace.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
    family = socket.AF_INET6 if ":" in place["host"] else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM)
    bound.bind((place["host"], place["port"]))
    os.dup2(bound.fileno(), place["fd"], inheritable=True)
    sockets.append(bound)
os.execvp(sys.argv[2], sys.argv[2:])
