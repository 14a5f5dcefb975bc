# Written by buildout, which replaces what is changed here. It needs Python 3 and no package.
import email.parser
import http.server
import logging
import os
import socket
import socketserver
import ssl
import urllib.parse


class Handler(http.server.SimpleHTTPRequestHandler):

    def address_string(self):
        if isinstance(self.client_address, tuple):
            return self.client_address[0]
        return str(self.client_address) or '<unnamedsocket>'

    def log_at(self, level, message, *values):
        logging.log(level, '%s - - ' + message, self.address_string(), *values)

    def log_message(self, message, *values):
        self.log_at(logging.INFO, message, *values)

    def log_error(self, message, *values):
        self.log_at(logging.ERROR, message, *values)

    def log_request(self, code='-', size='-'):
        lines = ['"%s" %s %s' % (self.requestline, getattr(code, 'value', code), size)]
        lines += str(getattr(self, 'headers', '')).splitlines()
        self.log_message('%s', '\n  '.join(lines))

    def respond(self, code, kind, text):
        self.send_response(code)
        self.send_header('Content-type', kind)
        self.end_headers()
        self.wfile.write(text.encode())

    def do_POST(self):
        """Writes the bytes of `content` into the file `path`, at its end unless `clear` is 1."""
        form = self.read_form()
        if not ALLOWS_WRITING:
            self.respond(403, 'text/html', 'Forbidden')
            return
        if 'path' not in form or 'content' not in form:
            self.respond(400, 'text/plain', 'path and content are needed')
            return
        name = form['path'].decode()
        path = os.path.abspath(os.path.join(DIRECTORY, name))
        if os.path.relpath(path, DIRECTORY).startswith(os.pardir):
            self.respond(403, 'text/plain', 'Forbidden')
            return
        self.log_message('Writing received content to file %s', path)
        try:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'wb' if form.get('clear') == b'1' else 'ab') as file:
                file.write(form['content'])
            self.log_message('Done.')
        except OSError as error:
            self.log_error('Failed to write file %s: %s', path, error)
            self.respond(500, 'text/plain', 'Not written')
            return
        self.respond(200, self.headers['Content-Type'], 'Content written to ' + name)

    def read_form(self):
        """The values of the form in the body of the request, by name."""
        body = self.rfile.read(int(self.headers['Content-Length'] or 0))
        if self.headers.get_content_type() != 'multipart/form-data':
            pairs = urllib.parse.parse_qsl(
                body.decode('latin-1'), keep_blank_values=True, encoding='latin-1')
            return {name: value.encode('latin-1') for name, value in pairs}
        header = 'Content-Type: %s\r\n\r\n' % self.headers['Content-Type']
        message = email.parser.BytesParser().parsebytes(header.encode() + body)
        return {
            part.get_param('name', header='content-disposition'): part.get_payload(decode=True)
            for part in message.get_payload()}


class Server(socketserver.TCPServer):
    allow_reuse_address = True


def main():
    logging.basicConfig(
        format='%(asctime)s %(levelname)s - %(message)s', filename=LOG, level=logging.INFO)
    os.chdir(DIRECTORY)
    if isinstance(ADDRESS, tuple):
        Server.address_family = socket.getaddrinfo(*ADDRESS)[0][0]
    else:
        Server.address_family = socket.AF_UNIX
        if not ADDRESS.startswith('\0') and os.path.exists(ADDRESS):
            try:
                with socket.socket(socket.AF_UNIX) as connection:
                    connection.connect(ADDRESS)
            except OSError:
                # Nobody listens there any more.
                os.unlink(ADDRESS)
    server = Server(ADDRESS, Handler)
    if CERTIFICATE:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATE, KEY)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    logging.info('Starting simple http server at %s', ADDRESS)
    server.serve_forever()


if __name__ == '__main__':
    main()
