"""Where a server listens, and how much it takes. Imports no web framework, since the command line reads it at every
start."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass

from eval.task import BadInput

KEY_VARIABLE = "THREEWAYS_SERVE_KEY"


@dataclass(frozen=True, slots=True)
class Limits:
    """`at_once` requests are answered together, and `most_waiting` more may wait. `seconds` are for a whole request,
    from its first byte to its answer."""

    most_bytes: int = 1 << 20
    at_once: int = 16
    most_waiting: int = 256
    seconds: float = 120.0


@dataclass(frozen=True, slots=True)
class Address:
    host: str = "127.0.0.1"
    port: int = 8000

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine reaches it."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def bind(self) -> socket.socket:
        """Raises BadInput if somebody else has the port, or if this machine hasn't the address."""
        try:
            family, kind, protocol, _, at = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            bound = socket.socket(family, kind, protocol)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                bound.bind(at)
            except OSError:
                bound.close()
                raise
        except OSError as wrong:
            raise BadInput(
                f"The address {self.host}:{self.port} can't be used ({wrong.strerror}): choose another --host or "
                "--port."
            ) from wrong
        return bound
