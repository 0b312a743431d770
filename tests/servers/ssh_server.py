#!/usr/bin/env python3
"""An SSH server for one user with one key, who may start programs: asyncssh, which needs neither root nor an account.

usage: ssh_server.py PORT FOLDER
Leaves in FOLDER the user's key, `key`, and what a client knows the server by, `known_hosts`.
"""

import asyncio
import os
import sys

import asyncssh


async def start_program(process):
    child = await asyncio.create_subprocess_shell(
        process.command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    await process.redirect(stdin=child.stdin, stdout=child.stdout, stderr=child.stderr)
    process.exit(await child.wait())


async def main(port, folder):
    os.umask(0o077)
    host, user = (asyncssh.generate_private_key("ssh-ed25519") for _ in range(2))
    user.write_private_key(os.path.join(folder, "key"))
    with open(os.path.join(folder, "known_hosts"), "w") as known:
        known.write(f"[127.0.0.1]:{port} {host.export_public_key().decode()}")
    server = await asyncssh.listen(
        "127.0.0.1",
        port,
        server_host_keys=[host],
        authorized_client_keys=asyncssh.import_authorized_keys(user.export_public_key().decode()),
        process_factory=start_program,
        encoding=None,
    )
    await server.wait_closed()


asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
