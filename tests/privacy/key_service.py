"""A key service of its own process: holds one key, wraps and unwraps for whoever connects to its socket.

``python -m tests.privacy.key_service SOCKET NAME``
"""

import base64
import json
import secrets
import socketserver
import sys

from privacy.operator_keys import FileKey, WrongKey

NAME = sys.argv[2] if len(sys.argv) > 2 else ""
KEY = FileKey(secrets.token_bytes(32))


class Desk(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        question = json.loads(self.rfile.readline())
        content = base64.b64decode(question["bytes"])
        try:
            if question["key"] != NAME:
                raise WrongKey
            answer = {"bytes": base64.b64encode(getattr(KEY, question["do"])(content)).decode()}
        except WrongKey:
            answer = {"error": "no"}
        self.wfile.write(json.dumps(answer).encode() + b"\n")


if __name__ == "__main__":
    with socketserver.ThreadingUnixStreamServer(sys.argv[1], Desk) as server:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        server.serve_forever()
