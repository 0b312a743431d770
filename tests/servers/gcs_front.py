#!/usr/bin/env python3
"""The XML API of Google Cloud Storage, in front of fake-gcs-server, which has only the JSON API in full.

Clients such as object_store speak the XML API: conditional writes, listings in the form of S3, multipart uploads,
signed URLs. Objects, generations and conditions are fake-gcs-server's; requests are checked against one service account.

usage: gcs_front.py PORT http://127.0.0.1:BACKEND_PORT KEY_FILE
"""

import base64
import datetime
import email.utils
import sys
import threading
import urllib.parse
import uuid
import xml.etree.ElementTree as ElementTree
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.sax.saxutils import escape

from gcs_backend import Backend, Failed
from gcs_signatures import Account, Refused

PART_BYTES_MIN = 5 << 20
READ_TRIES = 20
# Headers that are kept with an object, and their names in the JSON API.
KEPT = {
    "Content-Type": "contentType",
    "Cache-Control": "cacheControl",
    "Content-Encoding": "contentEncoding",
    "Content-Disposition": "contentDisposition",
    "Content-Language": "contentLanguage",
}
METADATA = "x-goog-meta-"
CODES = {404: "NoSuchKey", 409: "Conflict", 412: "PreconditionFailed"}


class Front(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body of an answer are written apart; without this, each answer waits for the client's delayed ACK.
    disable_nagle_algorithm = True

    backend: Backend
    account: Account
    # Multipart uploads that are under way: id -> bucket, name, what is kept with the object, parts by number.
    uploads: dict = {}
    lock = threading.Lock()

    def handle_request(self):
        # Read in any case: what is left over would be taken for the next request.
        self.content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        bucket, _, name = url.path.lstrip("/").partition("/")
        self.bucket, self.name = urllib.parse.unquote(bucket), urllib.parse.unquote(name)
        try:
            if not self.bucket:
                return self.refuse(400, "InvalidArgument", "There is no bucket in the path.")
            self.account.check(self.command, self.path, self.headers)
            self.route()()
        except Refused as refused:
            self.refuse(refused.status, refused.code, str(refused))
        except Failed as failed:
            self.refuse(failed.status, self.code_of(failed.status), str(failed))

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_request

    def route(self):
        if not self.name:
            routes = {"GET": self.list}
        elif "uploads" in self.query:
            routes = {"POST": self.begin_upload}
        elif "uploadId" in self.query:
            routes = {"PUT": self.put_part, "POST": self.complete_upload, "DELETE": self.abort_upload}
        else:
            put = self.copy if self.headers.get("x-goog-copy-source") else self.put
            routes = {"GET": self.get, "HEAD": self.get, "PUT": put, "DELETE": self.delete}
        return routes.get(self.command, self.refuse_method)

    def refuse_method(self):
        self.refuse(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")

    def list(self):
        after = self.query.get("start-after")
        page = self.backend.list(
            self.bucket,
            prefix=self.query.get("prefix"),
            delimiter=self.query.get("delimiter"),
            maxResults=self.query.get("max-keys", "1000"),
            pageToken=self.query.get("continuation-token"),
            # The JSON API's offset is inclusive, and this is the next name.
            startOffset=after and after + "\0",
        )
        token = page.get("nextPageToken")
        lines = [element("Name", self.bucket), element("IsTruncated", "true" if token else "false")]
        if token:
            lines.append(element("NextContinuationToken", token))
        for about in page.get("items", []):
            lines.append("<Contents>" + element("Key", about["name"]) + element("Size", about["size"]))
            lines.append(element("LastModified", about["updated"]) + element("ETag", etag(about)) + "</Contents>")
        for prefix in page.get("prefixes", []):
            lines.append(f"<CommonPrefixes>{element('Prefix', prefix)}</CommonPrefixes>")
        self.answer_xml(200, "ListBucketResult", "".join(lines))

    def get(self):
        for _ in range(READ_TRIES):
            try:
                return self.get_as_it_is()
            except Failed as failed:
                # Between the two requests that a read takes here, the object was replaced. One that is gone stays so.
                if failed.status != 404 or self.query.get("generation"):
                    raise
                self.backend.describe(self.bucket, self.name)
        self.refuse(503, "ServiceUnavailable", "The object is replaced all the time.")

    def get_as_it_is(self):
        about = self.backend.describe(self.bucket, self.name, self.query.get("generation"))
        matches = lambda header: header == "*" or etag(about) in header.replace(" ", "").split(",")
        if (unless := self.headers.get("If-None-Match")) and matches(unless):
            return self.answer(304, headers={"ETag": etag(about)})
        if (only := self.headers.get("If-Match")) and not matches(only):
            raise Refused(412, "PreconditionFailed", "At least one of the preconditions did not hold.")
        if self.command == "HEAD":
            return self.answer(200, headers=headers_of(about), length=about["size"])
        byte_range = self.headers.get("Range")
        response, content = self.backend.read(self.bucket, self.name, about["generation"], byte_range)
        self.answer(response.status, content, {**headers_of(about), "Content-Range": response.getheader("Content-Range")})

    def put(self):
        about = self.write(self.content, kept(self.headers))
        self.answer(200, headers={name: headers_of(about)[name] for name in ("ETag", "x-goog-generation")})

    def write(self, content, about):
        # The XML API knows the condition of S3 as well, but only for reading.
        match = self.headers.get("x-goog-if-generation-match")
        return self.backend.write(self.bucket, self.name, content, about, match)

    def copy(self):
        source = urllib.parse.unquote(self.headers["x-goog-copy-source"]).lstrip("/")
        # fake-gcs-server does not look at conditions of a copy.
        with self.lock:
            self.check_generation(self.headers.get("x-goog-if-generation-match"))
            self.backend.copy(*source.split("/", 1), self.bucket, self.name)
        self.answer_xml(200, "CopyObjectResult", "")

    def check_generation(self, wanted):
        try:
            there = self.backend.describe(self.bucket, self.name)["generation"] if wanted is not None else None
        except Failed as failed:
            if failed.status != 404:
                raise
            there = "0"
        if there != wanted:
            raise Refused(412, "PreconditionFailed", "At least one of the preconditions did not hold.")

    def delete(self):
        self.backend.delete(self.bucket, self.name)
        self.answer(204)

    def begin_upload(self):
        upload = uuid.uuid4().hex
        self.uploads[upload] = (self.bucket, self.name, kept(self.headers), {})
        names = element("Bucket", self.bucket) + element("Key", self.name)
        self.answer_xml(200, "InitiateMultipartUploadResult", names + element("UploadId", upload))

    def upload(self):
        upload = self.uploads.get(self.query["uploadId"])
        if not upload or upload[:2] != (self.bucket, self.name):
            raise Refused(404, "NoSuchUpload", "The requested upload was not found.")
        return upload[2:]

    def put_part(self):
        _, parts = self.upload()
        tag = f'"{uuid.uuid4().hex}"'
        parts[int(self.query["partNumber"])] = (tag, self.content)
        self.answer(200, headers={"ETag": tag})

    def complete_upload(self):
        about, parts = self.upload()
        wanted = [
            (int(part.findtext("{*}PartNumber")), part.findtext("{*}ETag"))
            for part in ElementTree.fromstring(self.content).iter()
            if part.tag.endswith("Part")
        ]
        contents = []
        for number, tag in wanted:
            if parts.get(number, (None,))[0] != tag:
                raise Refused(400, "InvalidPart", f"Part {number} was not found.")
            contents.append(parts[number][1])
        if any(len(content) < PART_BYTES_MIN for content in contents[:-1]):
            raise Refused(400, "EntityTooSmall", "A part that is not the last is smaller than 5 MiB.")
        written = self.write(b"".join(contents), about)
        del self.uploads[self.query["uploadId"]]
        names = element("Bucket", self.bucket) + element("Key", self.name) + element("ETag", etag(written))
        version = {"x-goog-generation": written["generation"]}
        self.answer_xml(200, "CompleteMultipartUploadResult", names, version)

    def abort_upload(self):
        self.upload()
        del self.uploads[self.query["uploadId"]]
        self.answer(204)

    def code_of(self, status):
        return "NoSuchBucket" if status == 404 and not self.name else CODES.get(status, "InvalidArgument")

    def refuse(self, status, code, message):
        self.answer_xml(status, "Error", element("Code", code) + element("Message", message))

    def answer_xml(self, status, root, content, headers=None):
        namespace = "" if root == "Error" else ' xmlns="http://doc.s3.amazonaws.com/2006-03-01"'
        document = f"<?xml version='1.0' encoding='UTF-8'?><{root}{namespace}>{content}</{root}>"
        self.answer(status, document.encode(), {"Content-Type": "application/xml; charset=UTF-8", **(headers or {})})

    def answer(self, status, content=b"", headers=None, length=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            if value is not None:
                self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", length or str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format, *arguments):
        """Nothing: the tests' proxy records requests."""


def element(name, text):
    return f"<{name}>{escape(text)}</{name}>"


def kept(headers):
    """What is kept with an object that is written with these headers."""
    about = {theirs: headers[ours] for ours, theirs in KEPT.items() if headers.get(ours)}
    own = {name.lower().removeprefix(METADATA): headers[name] for name in headers if name.lower().startswith(METADATA)}
    return {"contentType": "application/octet-stream", **about, "metadata": own}


def headers_of(about):
    changed = datetime.datetime.fromisoformat(about["updated"][:19] + "+00:00")
    return {
        "ETag": etag(about),
        "Last-Modified": email.utils.format_datetime(changed, usegmt=True),
        "x-goog-generation": about["generation"],
        "x-goog-stored-content-length": about["size"],
        **{ours: about.get(theirs) for ours, theirs in KEPT.items()},
        **{METADATA + name: value for name, value in (about.get("metadata") or {}).items()},
    }


def etag(about):
    return f'"{base64.b64decode(about["md5Hash"]).hex()}"'


def main():
    port, backend, key = sys.argv[1:]
    Front.backend, Front.account = Backend(backend), Account(key)
    ThreadingHTTPServer.request_queue_size = 128
    ThreadingHTTPServer(("127.0.0.1", int(port)), Front).serve_forever()


if __name__ == "__main__":
    main()
