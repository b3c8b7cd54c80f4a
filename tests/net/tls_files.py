"""Certificate authorities and certificates of a moment, made with openssl, for tests with other programs."""
import os
import subprocess


def openssl(*args):
    subprocess.run(['openssl', *args], check=True, capture_output=True, timeout=30)


class Authority:
    """A CA in a folder; pem is its certificate."""

    def __init__(self, directory, name):
        self.directory, self.name = directory, name
        self.pem, self.key = self.path(name + '.pem'), self.path(name + '.key')
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', self.key,
                '-out', self.pem, '-subj', '/CN=' + name, '-days', '2', '-addext', 'basicConstraints=critical,CA:TRUE',
                '-addext', 'keyUsage=critical,keyCertSign')

    def path(self, name):
        return os.path.join(self.directory, name)

    def issue(self, name, dns):
        """A server's certificate for a DNS name; the path of one PEM file, with its key."""
        key, request, extensions, out = (self.path(name + end) for end in ('.key', '.csr', '.ext', '.pem'))
        with open(extensions, 'w') as f:
            f.write('subjectAltName=DNS:%s\nextendedKeyUsage=serverAuth\nkeyUsage=digitalSignature\n' % dns)
        openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', request,
                '-subj', '/CN=' + name)
        openssl('x509', '-req', '-in', request, '-CA', self.pem, '-CAkey', self.key, '-CAcreateserial', '-days', '2',
                '-extfile', extensions, '-out', out)
        with open(out, 'a') as f, open(key) as k:
            f.write(k.read())
        return out
