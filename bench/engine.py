"""The Docker engine, through its API: no process of the `docker` program burdens what is measured."""

import http.client
import io
import json
import os
import shutil
import socket
import subprocess
import tarfile
from urllib.parse import quote, urlencode, urlsplit

from command import Unmeasurable

# Removing three nodes under load takes seconds; nothing here takes longer.
PATIENCE_S = 120


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Engine:
    def __init__(self):
        self.host = os.environ.get("DOCKER_HOST") or current_context()

    def connection(self):
        address = urlsplit(self.host)
        if address.scheme == "unix":
            return UnixConnection(address.path)
        if address.scheme in ("tcp", "http"):
            return http.client.HTTPConnection(address.hostname, address.port, timeout=PATIENCE_S)
        raise Unmeasurable(f"no measurements over DOCKER_HOST={self.host}: only unix:// and tcp://")

    def request(self, method, path, query=None, body=None, kind="application/json"):
        """The answer's bytes; raises Unmeasurable where the engine refuses."""
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        connection = self.connection()
        try:
            connection.request(method, f"{path}?{urlencode(query or {})}", body, {"Content-Type": kind})
            response = connection.getresponse()
            answer = response.read()
        except OSError as error:
            raise Unmeasurable(f"the Docker engine at {self.host}: {error}") from error
        finally:
            connection.close()
        if response.status >= 400:
            raise Unmeasurable(f"the Docker engine on {method} {path}: {answer.decode(errors='replace').strip()}")
        return answer

    def untar(self, path, directory, *options):
        """Unpacks a tar file that the engine sends, as it comes: it may be large."""
        connection = self.connection()
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            if response.status >= 400:
                raise Unmeasurable(f"the Docker engine on GET {path}: {response.read().decode(errors='replace').strip()}")
            # The program, since Python's own module cannot unpack safely before 3.12.
            command = ["tar", "-x", "--no-same-owner", "-C", str(directory), *options]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as tar:
                shutil.copyfileobj(response, tar.stdin, 1 << 20)
                _, errors = tar.communicate()
            if tar.returncode != 0:
                raise Unmeasurable(f"`{' '.join(command)}`: {errors.decode(errors='replace').strip()}")
        except OSError as error:
            raise Unmeasurable(f"the Docker engine at {self.host}: {error}") from error
        finally:
            connection.close()

    def get(self, path, **query):
        return json.loads(self.request("GET", path, query))

    def post(self, path, body=None, **query):
        answer = self.request("POST", path, query, body)
        return json.loads(answer) if answer.strip() else None

    def remove(self, path, **query):
        """True if it was there and is gone."""
        try:
            self.request("DELETE", path, query)
        except Unmeasurable:
            return False
        return True

    def image_id(self, name):
        return self.get(f"/images/{quote(name, safe='/:')}/json")["Id"]

    def build(self, tag, dockerfile):
        """An image from a Dockerfile that needs no other file."""
        context = io.BytesIO()
        with tarfile.open(fileobj=context, mode="w") as tar:
            entry = tarfile.TarInfo("Dockerfile")
            entry.size = len(dockerfile)
            tar.addfile(entry, io.BytesIO(dockerfile.encode()))
        query = {"t": tag, "forcerm": "1"}
        answer = self.request("POST", "/build", query, context.getvalue(), "application/x-tar")
        # An error arrives inside a 200 answer, which is one JSON object a line.
        for line in answer.splitlines():
            if "error" in (said := json.loads(line)):
                raise Unmeasurable(f"building {tag}: {said['error']}")

    def memory(self, container):
        """Bytes that a container uses, as `docker stats` counts them: without the file cache that lies idle."""
        stats = self.get(f"/containers/{container}/stats", stream="false")["memory_stats"]
        details = stats["stats"]
        # The first name is that of cgroup v1, the second that of v2.
        return stats["usage"] - details.get("total_inactive_file", details.get("inactive_file", 0))


def current_context():
    command = ["docker", "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"]
    try:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unix:///var/run/docker.sock"
