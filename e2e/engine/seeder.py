"""Seeds a folder with libtorrent on 127.0.0.1, for a test: prints one line of JSON, ends when its input ends.

Arguments: folder, transport (tcp, utp, or encrypted for TCP that must be encrypted), upload limit in bytes a second (0 for none), announce URL or -.
"""

import base64
import json
import os
import sys
import time

import libtorrent as lt

folder, transport, limit, announce = sys.argv[1:5]
tcp = transport != "utp"
forced = 0 if transport == "encrypted" else 1
session = lt.session(
    {
        "listen_interfaces": "127.0.0.1:0",
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "allow_multiple_connections_per_ip": True,
        "enable_incoming_tcp": tcp,
        "enable_outgoing_tcp": tcp,
        "enable_incoming_utp": not tcp,
        "enable_outgoing_utp": not tcp,
        "in_enc_policy": forced,
        "out_enc_policy": forced,
        "allowed_enc_level": 2 if transport == "encrypted" else 3,
        "alert_mask": 0,
    }
)
files = lt.file_storage()
lt.add_files(files, folder)
creator = lt.create_torrent(files, piece_size=65536, flags=lt.create_torrent.v1_only)
if announce != "-":
    creator.add_tracker(announce)
lt.set_piece_hashes(creator, os.path.dirname(folder))
encoded = lt.bencode(creator.generate())
info = lt.torrent_info(encoded)
params = lt.add_torrent_params()
params.ti = info
params.save_path = os.path.dirname(folder)
handle = session.add_torrent(params)
# Of the torrent: the session's own limit leaves local peers out.
if int(limit) > 0:
    handle.set_upload_limit(int(limit))
while not handle.status().is_seeding or session.listen_port() == 0:
    time.sleep(0.05)
print(
    json.dumps(
        {
            "port": session.listen_port(),
            "infoHash": str(info.info_hash()),
            "torrent": base64.b64encode(encoded).decode(),
        }
    ),
    flush=True,
)
sys.stdin.read()
