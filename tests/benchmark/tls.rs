//! A certificate of our own, and who is to trust it: what AWS's endpoints have, as far as a function's handshakes go. They, too, have a chain
//! with one certificate between the root and their own, of RSA keys with 2048 bits.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::Result;
use crate::install::run;

/// Nothing of the system's own configuration is read, which may add to a certificate what stands here already.
const CONFIGURATION: &str = "[req]\ndistinguished_name = name\n[name]\n";
/// Where systems have their roots in one file; the first are those of Debian and of Lambda's image.
const SYSTEM_ROOTS: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// Endpoints' certificate, and the file of roots that makes a function trust it.
pub(crate) struct Authority {
    folder: TempDir,
    acceptor: TlsAcceptor,
    /// How many roots the file has.
    pub(crate) roots: usize,
}

impl Authority {
    /// Makes them, by `openssl`.
    pub(crate) fn make() -> Result<Self> {
        let folder = TempDir::with_prefix("signalbox-tls-")?;
        let path = folder.path();
        std::fs::write(path.join("openssl.cnf"), CONFIGURATION)?;
        certify(path, "root", None, &["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"])?;
        certify(
            path,
            "between",
            Some("root"),
            &["basicConstraints=critical,CA:TRUE", "keyUsage=critical,keyCertSign"],
        )?;
        let own = ["basicConstraints=critical,CA:FALSE", "subjectAltName=DNS:localhost", "extendedKeyUsage=serverAuth"];
        certify(path, "localhost", Some("between"), &own)?;

        let chain = [certificate(path, "localhost")?, certificate(path, "between")?].to_vec();
        let key = PrivateKeyDer::from_pem_file(path.join("localhost.key"))?;
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let config =
            config.with_safe_default_protocol_versions()?.with_no_client_auth().with_single_cert(chain, key)?;

        // A function reads all of its system's roots, not one alone.
        let system = SYSTEM_ROOTS.iter().find_map(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
        let all = system + &std::fs::read_to_string(path.join("root.crt"))?;
        std::fs::write(path.join("roots.pem"), &all)?;
        let roots = all.matches("BEGIN CERTIFICATE").count();
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), roots, folder })
    }

    /// What endpoints answer with.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.clone()
    }

    /// The file of roots.
    pub(crate) fn roots_file(&self) -> PathBuf {
        self.folder.path().join("roots.pem")
    }
}

fn certificate(folder: &Path, name: &str) -> Result<CertificateDer<'static>> {
    Ok(CertificateDer::from_pem_file(folder.join(format!("{name}.crt")))?)
}

/// Makes a key and its certificate, signed by that of another one or by itself.
fn certify(folder: &Path, name: &str, by: Option<&str>, extensions: &[&str]) -> Result<()> {
    let mut command = Command::new("openssl");
    command.current_dir(folder).args(["req", "-config", "openssl.cnf", "-x509", "-newkey", "rsa:2048", "-nodes"]);
    command.args(["-sha256", "-days", "7", "-subj", &format!("/CN={name}")]);
    command.args(["-keyout", &format!("{name}.key"), "-out", &format!("{name}.crt")]);
    if let Some(by) = by {
        command.args(["-CA", &format!("{by}.crt"), "-CAkey", &format!("{by}.key")]);
    }
    for extension in extensions {
        command.args(["-addext", extension]);
    }
    run(&mut command).map(drop)
}
