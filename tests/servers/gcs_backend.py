"""fake-gcs-server, through its JSON API: the only part of it that is whole."""

import http.client
import json
import urllib.parse
import uuid


class Failed(Exception):
    """An answer of the server that is no success."""

    def __init__(self, status, body):
        super().__init__(body.decode(errors="replace")[:300])
        self.status = status


class Backend:
    """The objects of all buckets."""

    def __init__(self, url):
        self.address = urllib.parse.urlsplit(url).netloc

    def call(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(self.address, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if response.status not in (200, 204, 206):
            raise Failed(response.status, content)
        return response, content

    def list(self, bucket, **options):
        options = {name: value for name, value in options.items() if value}
        _, content = self.call("GET", f"/storage/v1/b/{quoted(bucket)}/o?{urllib.parse.urlencode(options)}")
        return json.loads(content)

    def describe(self, bucket, name, generation=None):
        query = f"?generation={generation}" if generation else ""
        return json.loads(self.call("GET", object_path(bucket, name) + query)[1])

    def read(self, bucket, name, generation, byte_range):
        headers = {"Range": byte_range} if byte_range else {}
        return self.call("GET", f"{object_path(bucket, name)}?alt=media&generation={generation}", None, headers)

    def write(self, bucket, name, content, about, generation_match):
        boundary = uuid.uuid4().hex
        about = json.dumps({**about, "name": name})
        head = f"--{boundary}\r\nContent-Type: application/json\r\n\r\n{about}\r\n--{boundary}\r\n\r\n"
        body = head.encode() + content + f"\r\n--{boundary}--\r\n".encode()
        path = f"/upload/storage/v1/b/{quoted(bucket)}/o?uploadType=multipart"
        if generation_match is not None:
            path += f"&ifGenerationMatch={generation_match}"
        headers = {"Content-Type": f"multipart/related; boundary={boundary}"}
        return json.loads(self.call("POST", path, body, headers)[1])

    def copy(self, source_bucket, source, bucket, name):
        target = object_path(bucket, name).removeprefix("/storage/v1")
        self.call("POST", f"{object_path(source_bucket, source)}/rewriteTo{target}", b"")

    def delete(self, bucket, name):
        self.call("DELETE", object_path(bucket, name))


def object_path(bucket, name):
    return f"/storage/v1/b/{quoted(bucket)}/o/{quoted(name)}"


def quoted(text):
    return urllib.parse.quote(text, safe="")
