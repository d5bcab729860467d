"""libtorrent sessions that are nodes of a DHT and nothing else, for tests: they live until standard input closes.

Arguments: the addresses to listen at, one session each.
Reads one JSON object a line: {"do": ..., "session": index, ...}; writes one a line, {"event": ..., "session": index, ...}:
  nodes {nodes: [[host, port]]}
  announce {hash}
  peers {hash}                           -> peers {hash, peers: [[host, port]]}
  put {value}                            -> put {target, stored}
  put-mutable {key, seed, value, salt}   -> put {target, stored, seq}
  close {}
  get {target}                           -> item {target, value}
  get-mutable {key, salt}                -> item {key, salt, value, seq, final}
At the start: listening {port}. Whatever is bytes is in hexadecimal, but for values and salts, which are ASCII.
"""

import hashlib
import json
import queue
import sys
import threading

try:
    import libtorrent as lt
except ImportError:
    sys.exit("python3-libtorrent is not installed: apt-get install python3-libtorrent")


def say(**event):
    print(json.dumps(event), flush=True)


def open_session(host):
    return lt.session({
        "listen_interfaces": f"{host}:0",
        "outgoing_interfaces": host,
        "enable_incoming_tcp": False,
        "enable_outgoing_tcp": False,
        "enable_dht": True,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        # No node but those of the test: without this, libtorrent asks the routers of the Internet.
        "dht_bootstrap_nodes": "",
        "dht_restrict_routing_ips": False,
        "dht_restrict_search_ips": False,
        "dht_prefer_verified_node_ids": False,
        "dht_enforce_node_id": False,
        "dht_ignore_dark_internet": False,
        "dht_privacy_lookups": False,
        "dht_block_ratelimit": 10000,
        "dht_upload_rate_limit": 10000000,
        "dht_max_dht_items": 700,
        "allow_multiple_connections_per_ip": True,
        "alert_mask": lt.alert.category_t.dht_notification | lt.alert.category_t.dht_operation_notification
        | lt.alert.category_t.status_notification | lt.alert.category_t.error_notification,
    })


def expanded(seed):
    """The private key as libtorrent has it: SHA-512 of the seed, clamped (RFC 8032, 5.1.5)."""
    key = bytearray(hashlib.sha512(seed).digest())
    key[0] &= 248
    key[31] &= 63
    key[31] |= 64
    return bytes(key)


def text(item):
    return item.decode("latin-1") if isinstance(item, bytes) else str(item)


def value_of(alert):
    """What was found; empty if nothing was."""
    try:
        item = alert.item
    except RuntimeError:
        return ""
    # The binding wraps some of the alerts' fields.
    return text(item["value"] if isinstance(item, dict) else item)


def obey(session, index, command):
    what = command["do"]
    if what == "nodes":
        for host, port in command["nodes"]:
            session.add_dht_node((host, port))
    elif what == "announce":
        # session.dht_announce cannot be called from Python: nothing there has the type of its flags. A torrent announces itself.
        torrent = lt.parse_magnet_uri(f"magnet:?xt=urn:btih:{command['hash']}")
        torrent.save_path = "/nonexistent"
        session.add_torrent(torrent)
    elif what == "peers":
        session.dht_get_peers(lt.sha1_hash(bytes.fromhex(command["hash"])))
    elif what == "put":
        session.dht_put_immutable_item(command["value"])
    elif what == "put-mutable":
        session.dht_put_mutable_item(
            expanded(bytes.fromhex(command["seed"])),
            bytes.fromhex(command["key"]),
            command["value"].encode("ascii"),
            command["salt"].encode("ascii"),
        )
    elif what == "get":
        session.dht_get_immutable_item(lt.sha1_hash(bytes.fromhex(command["target"])))
    elif what == "close":
        session.apply_settings({"enable_dht": False})
    elif what == "get-mutable":
        session.dht_get_mutable_item(bytes.fromhex(command["key"]), command["salt"].encode("ascii"))
    else:
        say(event="error", session=index, message=f"unknown command {what}")


def tell(alert, index):
    if isinstance(alert, lt.dht_get_peers_reply_alert):
        peers = [[host, port] for host, port in alert.peers()]
        say(event="peers", session=index, hash=str(alert.info_hash), peers=peers)
    elif isinstance(alert, lt.dht_put_alert):
        say(event="put", session=index, target=str(alert.target), stored=alert.num_success, seq=alert.seq)
    elif isinstance(alert, lt.dht_immutable_item_alert):
        say(event="item", session=index, target=str(alert.target), value=value_of(alert))
    elif isinstance(alert, lt.dht_mutable_item_alert):
        say(event="item", session=index, key=alert.key.hex(), salt=text(alert.salt), value=value_of(alert),
            seq=alert.seq, final=alert.authoritative)
    elif isinstance(alert, lt.listen_failed_alert):
        say(event="error", session=index, message=alert.message())


def main():
    sessions = [open_session(host) for host in sys.argv[1:]]
    commands = queue.Queue()

    def read():
        for line in sys.stdin:
            commands.put(json.loads(line))
        commands.put(None)

    threading.Thread(target=read, daemon=True).start()
    listening = set()
    while True:
        try:
            command = commands.get(timeout=0.02)
            while command is not None:
                obey(sessions[command["session"]], command["session"], command)
                command = commands.get_nowait()
            break
        except queue.Empty:
            pass
        for index, session in enumerate(sessions):
            if index not in listening and session.listen_port() != 0:
                listening.add(index)
                say(event="listening", session=index, port=session.listen_port())
            for alert in session.pop_alerts():
                tell(alert, index)


main()
