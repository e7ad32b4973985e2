//! TLS out of files in PEM: whom a client believes, and who either side is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
pub use rustls::{ClientConfig, ServerConfig};
use rustls::{Error, RootCertStore};

/// Who one side is: its certificate, with those between it and its signer, and the key to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Own<'a> {
    /// The file with the certificates.
    pub certificate: &'a Path,
    /// The file with the private key.
    pub key: &'a Path,
}

/// Why a connection cannot be encrypted.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TlsError {
    /// A file is not what it should be.
    #[error("{path}: {problem}; expected a file with {expected} in PEM")]
    File {
        /// Which.
        path: PathBuf,
        /// What should be in it.
        expected: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// A certificate of an authority cannot be used.
    #[error("{path}: {problem}")]
    Authority {
        /// Where it is from.
        path: PathBuf,
        /// What is wrong.
        problem: Error,
    },
    /// A certificate and a key cannot be used together.
    #[error("{key}: it does not go with the certificate {certificate}: {problem}")]
    Pair {
        /// The file with the certificate.
        certificate: PathBuf,
        /// The file with the key.
        key: PathBuf,
        /// What is wrong.
        problem: Error,
    },
    /// The system has no certificates.
    #[error(
        "the system has no certificates to know the other side by; name a file with those of your own authority as `ca`"
    )]
    NoSystemCertificates,
}

/// How a client speaks: it believes those whom the certificates in `ca` have signed, those of the system without one, and says that it
/// is `own`.
///
/// # Errors
/// If a file cannot be read or used.
pub fn client(ca: Option<&Path>, own: Option<Own<'_>>) -> Result<Arc<ClientConfig>, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap_or_else(|_| unreachable!("ring has ciphers for both versions of TLS"))
        .with_root_certificates(authorities(ca)?);
    let Some(own) = own else { return Ok(Arc::new(builder.with_no_client_auth())) };
    let (chain, key) = own.read()?;
    builder.with_client_auth_cert(chain, key).map(Arc::new).map_err(|problem| own.wrong(problem))
}

/// How a server speaks that is `own` and asks nobody who they are.
///
/// # Errors
/// If a file cannot be read or used.
pub fn server(own: Own<'_>) -> Result<ServerConfig, TlsError> {
    let (chain, key) = own.read()?;
    ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|problem| own.wrong(problem))
}

impl<'a> Own<'a> {
    /// Who it is where both files are named.
    pub fn of(certificate: Option<&'a Path>, key: Option<&'a Path>) -> Option<Self> {
        certificate.zip(key).map(|(certificate, key)| Self { certificate, key })
    }

    fn read(self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), TlsError> {
        let key = PrivateKeyDer::from_pem_file(self.key).map_err(|error| not_pem(self.key, "a private key", error));
        Ok((certificates(self.certificate)?, key?))
    }

    fn wrong(self, problem: Error) -> TlsError {
        TlsError::Pair { certificate: self.certificate.into(), key: self.key.into(), problem }
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn authorities(ca: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|problem| TlsError::Authority { path: path.into(), problem })?;
        }
    } else {
        // What cannot be read of the system's is not there.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(TlsError::NoSystemCertificates);
        }
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |error| not_pem(path, "certificates", error);
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(wrong)?;
    if read.is_empty() { Err(wrong(pem::Error::NoItemsFound)) } else { Ok(read) }
}

fn not_pem(path: &Path, expected: &'static str, error: pem::Error) -> TlsError {
    let problem = match error {
        pem::Error::NoItemsFound => "it holds none".to_owned(),
        pem::Error::Io(error) => format!("it cannot be read: {error}"),
        other => format!("it is not PEM: {other}"),
    };
    TlsError::File { path: path.into(), expected, problem }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::fs;

    use super::*;

    fn signed() -> (String, String) {
        let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (signed.cert.pem(), signed.signing_key.serialize_pem())
    }

    #[test]
    fn what_cannot_be_used_is_told_with_its_file_and_what_was_expected() {
        let folder = tempfile::tempdir().unwrap();
        let [certificate, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
        let own = Own { certificate: &certificate, key: &key };
        let refused = |expected: &str| {
            let of_server = server(own).unwrap_err();
            assert!(of_server.to_string().contains(expected), "{of_server}");
            // The authority's certificate is another file, which is fine by now or refused in the same words.
            assert_eq!(client(Some(&certificate), Some(own)).unwrap_err(), of_server);
        };
        let ((one, one_key), (_, other_key)) = (signed(), signed());
        fs::write(&key, &one_key).unwrap();
        refused("cert.pem: it cannot be read: ");
        fs::write(&certificate, "").unwrap();
        refused("cert.pem: it holds none; expected a file with certificates in PEM");
        fs::write(&certificate, "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n").unwrap();
        refused("cert.pem: it is not PEM: ");
        fs::write(&certificate, &one).unwrap();
        fs::remove_file(&key).unwrap();
        refused("key.pem: it cannot be read: ");
        fs::write(&key, &one).unwrap();
        refused("key.pem: it holds none; expected a file with a private key in PEM");
        fs::write(&key, other_key).unwrap();
        refused("key.pem: it does not go with the certificate ");
        fs::write(&key, one_key).unwrap();
        server(own).unwrap();
        client(Some(&certificate), Some(own)).unwrap();
        client(Some(&certificate), None).unwrap();
    }
}
