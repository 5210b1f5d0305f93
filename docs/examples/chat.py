#!/usr/bin/env python3
"""Joins a room of a Conclave relay through its gateway, and chats: what is typed is said, what others say is printed.

    chat.py https://relay.example:7480/#j=TOKEN --name bot            by a link, as a guest
    chat.py https://relay.example:7480/ --name bot --email bot@example.org --room Maple [--create] [--pin 2468]

Python's standard library, and `websockets` (Debian: python3-websockets). The reference is relay/GATEWAY.md.
"""

import argparse
import asyncio
import base64
import itertools
import json
import pathlib
import secrets
import ssl
import sys
import time
import urllib.parse

import websockets


class Refused(Exception):
    """The relay did not do what it was asked; the text is its reason."""


class Gateway:
    """A connection: requests with their answers, and everything else as events."""

    def __init__(self, socket):
        self.socket, self.ids, self.waiting = socket, itertools.count(1), {}
        self.events = asyncio.Queue()

    async def request(self, do, **fields):
        """Asks for something, and waits for the one answer to it."""
        number = next(self.ids)
        self.waiting[number] = answer = asyncio.get_running_loop().create_future()
        await self.socket.send(json.dumps({"id": number, "do": do, **fields}))
        return await answer

    async def read(self):
        """Hands out what comes, until the connection ends."""
        async for message in self.socket:
            if isinstance(message, bytes):
                continue  # Media: a header of 20 bytes and a frame. A chat has no use for it.
            message = json.loads(message)
            if "reply" in message:
                answer = self.waiting.pop(message["reply"])
                if "refused" in message:
                    answer.set_exception(Refused(message["refused"]))
                else:
                    answer.set_result(message.get("ok") or {})
            elif "event" in message:
                await self.events.put(message)

    async def ping(self):
        """Shows that we are there; 30 s of silence would end the connection."""
        while True:
            await self.socket.send(json.dumps({"do": "ping", "sent": time.monotonic_ns() // 1000}))
            await asyncio.sleep(5)


def device(path):
    """This device's secret, drawn once: an account is bound to it."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("="))
    return path.read_text()


async def room_id(gateway, options):
    """The room's number by its name; makes the room when it is not there and may be made."""
    after = {}
    while True:
        page = await gateway.request("list_rooms", **after)
        for room in page["rooms"]:
            if room["name"] == options.room:
                return room["id"]
        if not page["more"]:
            break
        after = {"after": page["rooms"][-1]["id"]}
    if not options.create:
        raise Refused("no_such_room")
    pin = {"pin": options.pin} if options.pin else {}
    return (await gateway.request("create_room", name=options.room, capacity=16, **pin))["room"]


async def join(gateway, options, token):
    """Signs in or enters by the link, and joins."""
    who = {"version": 1, "device": device(options.device)}
    pin = {"pin": options.pin} if options.pin else {}
    if token:
        room = (await gateway.request("enter_link", token=token, display_name=options.name, **who))["link_room"]["id"]
    else:
        await gateway.request("sign_in", username=options.name, email=options.email, **who)
        room = await room_id(gateway, options)
    return await gateway.request("join_room", room=room, microphone=False, camera=False, **pin)


async def listen(gateway):
    """Prints what happens in the room."""
    while True:
        event = await gateway.events.get()
        if event["event"] == "chat":
            print(f"{event['from_name']}: {event['text']}", flush=True)
        elif event["event"] == "participant_joined":
            print(f"* {event['participant']['display_name']} joined", flush=True)
        elif event["event"] == "closing":
            print(f"* the relay closes: {event['reason']}", flush=True)


async def talk(gateway):
    """Says each line of the standard input, and leaves at its end."""
    while line := await asyncio.to_thread(sys.stdin.readline):
        if text := line.strip():
            await gateway.request("say", text=text)
    await gateway.request("leave_room")


async def main(options):
    url = urllib.parse.urlsplit(options.url)
    token = urllib.parse.parse_qs(url.fragment).get("j", [None])[0]
    trust = ssl.create_default_context(cafile=options.ca)
    if options.insecure:
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    async with websockets.connect(f"wss://{url.netloc}/ws", subprotocols=["conclave.v1"], ssl=trust) as socket:
        gateway = Gateway(socket)
        tasks = [asyncio.create_task(gateway.read()), asyncio.create_task(gateway.ping())]
        joined = await join(gateway, options, token)
        print(
            f"* in {joined['room']['name']} with {', '.join(p['display_name'] for p in joined['roster'])}", flush=True
        )
        tasks.append(asyncio.create_task(listen(gateway)))
        tasks.append(asyncio.create_task(talk(gateway)))
        done, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
        for task in done:
            task.result()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="the relay's page, or a link into a room")
    parser.add_argument("--name", required=True)
    parser.add_argument("--email")
    parser.add_argument("--room")
    parser.add_argument("--create", action="store_true", help="make the room when it is not there")
    parser.add_argument("--pin")
    parser.add_argument(
        "--device",
        type=pathlib.Path,
        default=pathlib.Path("conclave-device"),
        help="where this device's secret is kept",
    )
    parser.add_argument("--ca", help="the relay's certificate, when it made its own")
    parser.add_argument(
        "--insecure", action="store_true", help="do not check the certificate: for tests on this machine"
    )
    try:
        asyncio.run(main(parser.parse_args()))
    except Refused as refused:
        sys.exit(f"refused: {refused}")
