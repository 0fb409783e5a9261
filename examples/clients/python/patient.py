"""A transport for a host that may say that it was too much."""

import time

import httpx

# How often a request is sent at most.
TRIES = 5


class Patient(httpx.HTTPTransport):
    """Sends a request; after a 429 again, when `Retry-After` has passed. Such an answer says that nothing was done."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        for _ in range(TRIES - 1):
            response = super().handle_request(request)
            if response.status_code != 429:
                return response
            response.close()
            time.sleep(int(response.headers["Retry-After"]))
        return super().handle_request(request)
