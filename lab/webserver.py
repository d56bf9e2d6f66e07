# lab/webserver.py ADDRESS FOLDER - the web server of a lab host: static files on port 80.
#
# 'python3 -m http.server' would do, but it asks the DNS for its own name before it answers, and a
# lab host has no DNS: it would be deaf for the first ten seconds.
import functools
import http.server
import socketserver
import sys


class Server(http.server.ThreadingHTTPServer):
    def server_bind(self):
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_args):
        pass


if __name__ == '__main__':
    Server((sys.argv[1], 80), functools.partial(Handler, directory=sys.argv[2])).serve_forever()
