# SPDX-License-Identifier: Apache-2.0
"""moto's server as a program, in two things more like AWS.

Who may not call is told so by moto in XML, and with the codes of AWS's older
protocol, whatever it was asked in.  And a message that comes to a queue while
another one is deleted can be lost.
"""
import functools
import json
import re

from moto import server
from moto.sqs.models import Queue

CODES = {
    "SignatureDoesNotMatch": "InvalidSignatureException",
    "InvalidClientTokenId": "UnrecognizedClientException",
    "AccessDenied": "AccessDeniedException",
}


def translate(body):
    """The refusal in JSON; as it was, if it is none."""
    found = re.search(rb"<Code>(\w+)</Code>\s*<Message>(.*?)</Message>", body, re.DOTALL)
    code = CODES.get(found.group(1).decode()) if found else None
    if not code:
        return body
    return json.dumps({"__type": "com.amazon.coral.service#" + code,
                       "message": found.group(2).decode()}).encode()


class Application(server.DomainDispatcherApplication):
    def __call__(self, environ, start_response):
        if "HTTP_X_AMZ_TARGET" not in environ:
            return super().__call__(environ, start_response)
        begun = []
        body = b"".join(super().__call__(environ, lambda *given: begun.extend(given)))
        status, headers = begun[:2]
        if status.startswith("403"):
            body = translate(body)
            headers = [(name, value) for name, value in headers
                       if name.lower() not in ("content-length", "content-type")]
            headers += [("Content-Length", str(len(body))),
                        ("Content-Type", "application/x-amz-json-1.0")]
        start_response(status, headers)
        return [body]


def locked(method):
    """As adding is."""
    @functools.wraps(method)
    def call(queue, *args):
        with queue._messages_lock:  # pylint: disable=protected-access
            return method(queue, *args)

    return call


if __name__ == "__main__":
    Queue.delete_message = locked(Queue.delete_message)
    server.DomainDispatcherApplication = Application
    server.main()
