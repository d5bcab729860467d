"""A libtorrent session that speaks uTP only, for tests: seeds or fetches one torrent until its standard input closes.

Arguments: torrent file, directory of the content, address to listen at, and, to fetch, the peer as address:port.
Writes one JSON object a line: listening {port}, finished, error {message}.
"""

import json
import sys
import threading

try:
    import libtorrent as lt
except ImportError:
    sys.exit("python3-libtorrent is not installed: apt-get install python3-libtorrent")


def say(**event):
    print(json.dumps(event), flush=True)


def main():
    torrent, directory, host = sys.argv[1:4]
    peer = sys.argv[4] if len(sys.argv) > 4 else None
    session = lt.session({
        "listen_interfaces": f"{host}:0",
        "enable_incoming_tcp": False,
        "enable_outgoing_tcp": False,
        "enable_incoming_utp": True,
        "enable_outgoing_utp": True,
        "enable_dht": False,
        "enable_lsd": False,
        "enable_upnp": False,
        "enable_natpmp": False,
        "in_enc_policy": int(lt.enc_policy.disabled),
        "out_enc_policy": int(lt.enc_policy.disabled),
        "allow_multiple_connections_per_ip": True,
        "alert_mask": lt.alert.category_t.status_notification | lt.alert.category_t.error_notification,
    })
    handle = session.add_torrent({
        "ti": lt.torrent_info(torrent),
        "save_path": directory,
        "flags": lt.torrent_flags.update_subscribe,
    })

    ended = threading.Event()

    def until_stdin_closes():
        sys.stdin.read()
        ended.set()

    threading.Thread(target=until_stdin_closes, daemon=True).start()
    ready = listening = finished = False
    while not ended.is_set():
        session.wait_for_alert(100)
        for alert in session.pop_alerts():
            if isinstance(alert, lt.torrent_error_alert) or isinstance(alert, lt.listen_failed_alert):
                say(event="error", message=alert.message())
            if isinstance(alert, lt.torrent_checked_alert):
                ready = True
                if peer is not None:
                    address, port = peer.rsplit(":", 1)
                    handle.connect_peer((address, int(port)))
        if ready and not listening and session.listen_port() != 0:
            listening = True
            say(event="listening", port=session.listen_port())
        if ready and not finished and handle.status().is_seeding:
            finished = True
            say(event="finished")
    session.pause()


main()
