"""A relay with TLS before a Unix socket, which lets in whoever has a certificate of its authority.

tls_relay.py SOCKET FOLDER: the folder has ca.pem, server.pem and server-key.pem; the port is printed.
"""

import socket
import ssl
import sys
import threading


def copy(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
    except OSError:
        pass
    for side in (source, target):
        try:
            side.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(client, context, path):
    try:
        client = context.wrap_socket(client, server_side=True)
    except OSError:
        client.close()
        return
    engine = socket.socket(socket.AF_UNIX)
    engine.connect(path)
    threading.Thread(target=copy, args=(client, engine), daemon=True).start()
    copy(engine, client)


def main():
    path, folder = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/server.pem", f"{folder}/server-key.pem")
    context.load_verify_locations(f"{folder}/ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(client, context, path), daemon=True).start()


main()
