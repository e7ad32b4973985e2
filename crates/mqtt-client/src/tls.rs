use std::path::{Path, PathBuf};
use std::sync::Arc;

use rumqttc::{TlsConfiguration, Transport};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// How a connection to a broker is encrypted, and who the two are to each other.
#[derive(Debug, Clone)]
pub struct Tls(Arc<ClientConfig>);

/// The files, in PEM.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsFiles<'a> {
    /// Certificates of who may have signed the broker's; those of the system if `None`.
    pub ca: Option<&'a Path>,
    /// The daemon's own certificate with those between it and its signer, and its key, if the broker wants them.
    pub own: Option<(&'a Path, &'a Path)>,
}

/// Why a connection cannot be encrypted.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is not what it should be.
    #[error("{path}: {problem}; expected a file with {expected} in PEM")]
    File {
        /// Which.
        path: PathBuf,
        /// What should be in it.
        expected: &'static str,
        /// What is wrong.
        problem: pem::Error,
    },
    /// The system has no certificates.
    #[error("the system has no certificates to know a broker by; set ca to a file with those of your own authority")]
    NoSystemCertificates,
    /// A certificate or key cannot be used.
    #[error("{path}: {problem}")]
    Unusable {
        /// Where it is from.
        path: PathBuf,
        /// What is wrong.
        problem: rustls::Error,
    },
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// If one cannot be read or used.
    pub fn read(files: TlsFiles<'_>) -> Result<Self, TlsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap_or_else(|_| unreachable!("ring has ciphers for both versions of TLS"))
            .with_root_certificates(roots(files.ca)?);
        let config = match files.own {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = certificates(certificate)?;
                let wrong = |problem| TlsError::File { path: key.into(), expected: "a private key", problem };
                let private = PrivateKeyDer::from_pem_file(key).map_err(wrong)?;
                let unusable = |problem| TlsError::Unusable { path: certificate.into(), problem };
                builder.with_client_auth_cert(chain, private).map_err(unusable)?
            }
        };
        Ok(Self(Arc::new(config)))
    }

    pub(crate) fn transport(&self) -> Transport {
        Transport::tls_with_config(TlsConfiguration::Rustls(Arc::clone(&self.0)))
    }
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            for certificate in certificates(path)? {
                let unusable = |problem| TlsError::Unusable { path: path.into(), problem };
                roots.add(certificate).map_err(unusable)?;
            }
        }
        None => {
            // What cannot be read of the system's is not there.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if roots.is_empty() {
                return Err(TlsError::NoSystemCertificates);
            }
        }
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |problem| TlsError::File { path: path.into(), expected: "certificates", problem };
    let read = CertificateDer::pem_file_iter(path).map_err(wrong)?.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    if read.is_empty() { Err(wrong(pem::Error::NoItemsFound)) } else { Ok(read) }
}
