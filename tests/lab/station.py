"""Where management systems run: a namespace that has loopback and no other way out.

snmpd listens there, too. Its subagent comes from the router through a socket in the file
system, for which there are no network namespaces, and so asking adds no packet to the router."""

import http.client
import socket

from .netns import Netns


class Station(Netns):
    def __init__(self, prefix):
        super().__init__(prefix, "station")
        self.ip("link set lo up\n")

    def connect(self, port, timeout=10):
        """A TCP connection of this process to a server in the station."""

        def body():
            return socket.create_connection(("127.0.0.1", port), timeout)

        return self.inside(body)

    def fetch(self, port, path, timeout=10, method="GET", body=None, headers=None):
        """(status, body as bytes) of one request over HTTP."""
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
        connection.sock = self.connect(port, timeout)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()
