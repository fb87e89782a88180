"""Runs a line of code in a Jupyter kernel over its WebSocket and prints the result.

usage: COOKIES='a=b; c=d' kernel.py GATE HOST KERNEL CODE

GATE is the address:port that answers for HOST.
"""

import asyncio
import json
import os
import sys
import uuid

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

DEADLINE = 60


def request(session: str, code: str) -> str:
    """An execute_request of the Jupyter messaging protocol 5.3, channels multiplexed."""
    header = {
        "msg_id": uuid.uuid4().hex,
        "msg_type": "execute_request",
        "session": session,
        "username": "",
        "version": "5.3",
    }
    content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
    return json.dumps(
        {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
    )


async def compute(gate: str, host: str, kernel: str, code: str) -> str:
    address, port = gate.rsplit(":", 1)
    session = uuid.uuid4().hex
    uri = f"ws://{host}/api/kernels/{kernel}/channels?session_id={session}"
    try:
        connection = await connect(
            uri,
            host=address,
            port=int(port),
            proxy=None,
            origin=f"http://{host}",
            additional_headers={"Cookie": os.environ["COOKIES"]},
            open_timeout=DEADLINE,
        )
    except InvalidStatus as refusal:
        return f"refused with {refusal.response.status_code}"
    async with connection:
        await connection.send(request(session, code))
        async for message in connection:
            reply = json.loads(message)
            if reply["msg_type"] == "execute_result":
                return reply["content"]["data"]["text/plain"]
            if reply["msg_type"] == "error":
                return "\n".join(reply["content"]["traceback"])
    return "the connection ended without a result"


print(asyncio.run(asyncio.wait_for(compute(*sys.argv[1:]), DEADLINE)))
