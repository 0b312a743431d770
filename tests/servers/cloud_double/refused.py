"""What a service refuses."""


class Refused(Exception):
    """An answer that is no success, in Google's form: https://cloud.google.com/apis/design/errors"""

    def __init__(self, status, word, message):
        super().__init__(message)
        self.status, self.word, self.message = status, word, message

    def body(self):
        return {"error": {"code": self.status, "message": self.message, "status": self.word}}
