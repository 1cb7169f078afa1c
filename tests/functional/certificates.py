# SPDX-License-Identifier: Apache-2.0
"""Keys and certificates, also such as no region would give out, by the openssl program."""

import subprocess
import time
from pathlib import Path


def openssl(*words, stdin=None):
    ran = subprocess.run(["openssl", *[str(w) for w in words]], capture_output=True, text=True, input=stdin)
    assert ran.returncode == 0, f"openssl {words[0]}: {ran.stderr}"
    return ran.stdout


def key(folder, name="key"):
    """A new P-256 key; its path."""
    path = Path(folder) / f"{name}.key"
    path.write_text(openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"))
    path.chmod(0o600)
    return path


def request(key_path, subject="/CN=test"):
    """A certificate request as PEM text."""
    return openssl("req", "-new", "-key", key_path, "-subj", subject)


def authority(folder, name="foreign"):
    """A certificate authority that nobody trusts; (certificate, key) paths."""
    key_path = key(folder, f"{name}-ca")
    certificate = Path(folder) / f"{name}-ca.pem"
    certificate.write_text(openssl("req", "-x509", "-new", "-key", key_path, "-subj", f"/CN={name}",
                                   "-days", "2"))
    return certificate, key_path


AUTHORITY = """[ca]
default_ca = x
[x]
database = {folder}/{name}.index
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = any
[any]
commonName = optional
[leaf]
subjectAltName = URI:{uri}
extendedKeyUsage = {usage}
basicConstraints = CA:FALSE
keyUsage = digitalSignature
"""


def leaf(folder, key_path, ca, ca_key, uri, hours=(-1, 23), usage="clientAuth", name="leaf"):
    """A leaf for `key_path`, signed by `ca`, with the URI as subject alternative name.
    `hours`: from when until when it is valid, seen from now."""
    folder = Path(folder)
    config, csr, out = (folder / f"{name}.{end}" for end in ("conf", "csr", "pem"))
    config.write_text(AUTHORITY.format(folder=folder, name=name, uri=uri, usage=usage))
    csr.write_text(request(key_path))
    (folder / f"{name}.index").write_text("")
    begins, ends = (time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + h * 3600)) for h in hours)
    openssl("ca", "-batch", "-notext", "-config", config, "-extensions", "leaf", "-in", csr, "-out", out,
            "-cert", ca, "-keyfile", ca_key, "-startdate", begins, "-enddate", ends)
    return out


def text(path, *what):
    return openssl("x509", "-in", path, "-noout", *what).strip()


def uri_of(path):
    """The URI in a certificate's subject alternative name."""
    names = text(path, "-ext", "subjectAltName")
    return next(part.strip()[4:] for part in names.replace("\n", ",").split(",")
                if part.strip().startswith("URI:"))


def serial(path):
    return text(path, "-serial").split("=")[1]
