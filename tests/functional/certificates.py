# SPDX-License-Identifier: Apache-2.0
"""Keys and certificates, also such as no region would give out, by the openssl program."""

import subprocess
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


def leaf(folder, key_path, ca, ca_key, uri, days=1, usage="clientAuth", name="leaf"):
    """A leaf for `key_path`, signed by `ca`, with the URI as subject alternative name.
    days=-1 gives one that has expired already."""
    config = Path(folder) / f"{name}.ext"
    config.write_text(f"subjectAltName=URI:{uri}\nextendedKeyUsage={usage}\nbasicConstraints=CA:FALSE\n"
                      "keyUsage=digitalSignature\n")
    csr = Path(folder) / f"{name}.csr"
    csr.write_text(request(key_path))
    out = Path(folder) / f"{name}.pem"
    openssl("x509", "-req", "-in", csr, "-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", days,
            "-extfile", config, "-out", out)
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


def expires_at(path):
    return text(path, "-enddate").split("=")[1]
