"""Asks for a URL, prints the body as it comes, and then the status.

    fetch.py requests|httpx|httpx-h2 URL CA [UPLOAD]
"""

import sys

library, url, ca = sys.argv[1:4]
upload = open(sys.argv[4], "rb").read() if len(sys.argv) > 4 else None
method = "GET" if upload is None else "POST"


def show(piece):
    sys.stdout.buffer.write(piece)
    sys.stdout.flush()


def with_requests():
    import requests

    answer = requests.request(method, url, data=upload, stream=True, verify=ca, timeout=20)
    for piece in answer.iter_content(1):
        show(piece)
    return answer.status_code, answer.raw.version


def with_httpx(http2):
    import httpx

    with httpx.Client(http2=http2, verify=ca, timeout=20) as client:
        with client.stream(method, url, content=upload) as answer:
            for piece in answer.iter_raw():
                show(piece)
            return answer.status_code, answer.http_version


if library == "requests":
    status, version = with_requests()
else:
    status, version = with_httpx(library == "httpx-h2")
print("\nstatus", status, version)
