//! TLS: certificate and key, read anew when their files change.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use tls_files::{Own, ServerConfig, TlsError};
use tokio_rustls::TlsAcceptor;

use crate::stamp::Stamp;

/// The one protocol that is spoken inside TLS.
const HTTP_1_1: &[u8] = b"http/1.1";

/// How a listener speaks TLS.
#[derive(Debug)]
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    used: RwLock<Used>,
}

#[derive(Debug)]
struct Used {
    config: Arc<ServerConfig>,
    stamps: [Option<Stamp>; 2],
    problem: Option<String>,
}

impl Tls {
    /// Speaks it with the certificate chain and the private key in these files, both in PEM.
    ///
    /// # Errors
    /// If one of them cannot be read, or they do not belong together.
    pub fn open(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let stamps = [certificate, key].map(Stamp::of);
        let used = Used { config: read(certificate, key)?, stamps, problem: None };
        Ok(Self { certificate: certificate.to_owned(), key: key.to_owned(), used: RwLock::new(used) })
    }

    /// Takes part in a handshake with the latest certificate.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.used.read().unwrap_or_else(PoisonError::into_inner).config))
    }

    /// What is wrong with the files at the moment, while older ones are still used.
    pub fn problem(&self) -> Option<String> {
        self.used.read().unwrap_or_else(PoisonError::into_inner).problem.clone()
    }

    /// Reads the files again if they have changed. What cannot be used is told, and what was used goes on: half of a renewal
    /// looks like that for a moment.
    pub fn keep_up(&self) {
        let stamps = [&self.certificate, &self.key].map(|path| Stamp::of(path));
        let is_used = self.used.read().unwrap_or_else(PoisonError::into_inner).stamps == stamps;
        let renewed = if is_used { None } else { Some(read(&self.certificate, &self.key)) };
        let mut used = self.used.write().unwrap_or_else(PoisonError::into_inner);
        match renewed {
            None => used.problem = None,
            Some(Ok(config)) => {
                tracing::info!("the certificate {} is used from now on", self.certificate.display());
                *used = Used { config, stamps, problem: None };
            }
            Some(Err(error)) => {
                // They are read again the next time, and it is told once.
                let problem = Some(format!("{error}; the certificate from before goes on"));
                if used.problem != problem {
                    tracing::error!("{error}; the certificate from before goes on");
                }
                used.problem = problem;
            }
        }
    }
}

fn read(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let mut config = tls_files::server(Own { certificate, key })?;
    config.alpn_protocols = vec![HTTP_1_1.to_vec()];
    Ok(Arc::new(config))
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
    fn what_cannot_be_used_is_told_and_what_was_used_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let [certificate, key] = ["cert.pem", "key.pem"].map(|name| folder.path().join(name));
        let ((one, one_key), (other, other_key)) = (signed(), signed());
        fs::write(&certificate, &one).unwrap();
        fs::write(&key, &other_key).unwrap();
        let problem = Tls::open(&certificate, &key).unwrap_err();
        assert!(problem.to_string().contains("key.pem: it does not go with the certificate"), "{problem}");
        fs::write(&key, &one_key).unwrap();

        let tls = Tls::open(&certificate, &key).unwrap();
        let config = |tls: &Tls| Arc::clone(&tls.used.read().unwrap().config);
        let first = config(&tls);
        tls.keep_up();
        assert!(Arc::ptr_eq(&first, &config(&tls)), "nothing has changed");
        fs::write(&certificate, &other).unwrap();
        tls.keep_up();
        assert!(Arc::ptr_eq(&first, &config(&tls)) && tls.problem().unwrap().contains("from before goes on"));
        fs::write(&key, &other_key).unwrap();
        tls.keep_up();
        assert!(!Arc::ptr_eq(&first, &config(&tls)) && tls.problem().is_none());
    }
}
