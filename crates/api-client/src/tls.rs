use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::{self, ClientConfig, RootCertStore};

/// Why a connection cannot be encrypted.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The file is not what it should be.
    #[error("{path}: {problem}; expected a file with certificates in PEM")]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        problem: pem::Error,
    },
    /// A certificate cannot be used.
    #[error("{path}: {problem}")]
    Unusable {
        /// Where it is from.
        path: PathBuf,
        /// What is wrong.
        problem: rustls::Error,
    },
    /// The system has no certificates.
    #[error("the system has no certificates to know a daemon by; name a file with those of your own authority by --ca")]
    NoSystemCertificates,
}

/// What connects to those whom the certificates of that file have signed, or those of the system without one.
pub(crate) fn connector(ca: Option<&Path>) -> Result<TlsConnector, TlsError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca {
        let wrong = |problem| TlsError::File { path: path.into(), problem };
        let read = CertificateDer::pem_file_iter(path).map_err(wrong)?.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        if read.is_empty() {
            return Err(wrong(pem::Error::NoItemsFound));
        }
        for certificate in read {
            roots.add(certificate).map_err(|problem| TlsError::Unusable { path: path.into(), problem })?;
        }
    } else {
        // What cannot be read of the system's is not there.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() {
            return Err(TlsError::NoSystemCertificates);
        }
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap_or_else(|_| unreachable!("ring has ciphers for both versions of TLS"))
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
