//! The folder of certificates: the own one, and those of servers that are trusted and rejected.
//!
//! ```text
//! own/certificate.der  own/key.pem     made once, never again by itself
//! trusted/*.der                        servers that a person has said to trust
//! rejected/*.der                       servers that were met and are not trusted
//! ```
//!
//! A server is trusted by its very certificate, not by who issued it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use adapter::Clock;
use opcua::crypto::{CertificateStore, X509, X509Data};
use opcua::sync::RwLock;
use telemetry::Timestamp;
use x509_cert::der::{Decode, oid::AssociatedOid};
use x509_cert::ext::pkix::{SubjectAltName, name::GeneralName};

const OWN: &str = "own";
const CERTIFICATE: &str = "own/certificate.der";
const KEY: &str = "own/key.pem";
const TRUSTED: &str = "trusted";
const REJECTED: &str = "rejected";
/// How long the own certificate is valid: long, because each server has to be told of a new one.
const OWN_VALID_DAYS: u32 = 3650;
const OWN_KEY_BITS: u32 = 2048;
/// How long before its end a certificate is warned of.
const EXPIRY_WARNING: Duration = Duration::from_secs(30 * 86_400);
/// The most rejected certificates that are kept: anybody who answers at an address could send new ones for ever.
const REJECTED_MAX: usize = 100;

/// What went wrong with the folder of certificates: what, where, what was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PkiError(pub(crate) String);

/// The folder of certificates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pki(PathBuf);

/// A certificate, as a person should see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-1 of it in hexadecimal digits: how all of OPC UA names certificates.
    pub thumbprint: String,
    /// Whom it is for.
    pub subject: String,
    /// When it begins to be valid.
    pub not_before: Timestamp,
    /// When it ends to be valid.
    pub not_after: Timestamp,
    /// Where it is.
    pub file: PathBuf,
}

/// The own certificate, and what follows from it.
pub(crate) struct Own {
    pub(crate) certificate: Certificate,
    /// The application URI that it is for; what we say of ourselves must be the same.
    pub(crate) application_uri: String,
    /// What the library takes the own and the trusted certificates from.
    pub(crate) store: Arc<RwLock<CertificateStore>>,
}

impl Pki {
    /// The certificates in that folder, which need not be there yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// The certificates of trusted servers.
    ///
    /// # Errors
    /// If the folder, or a file in it, cannot be read.
    pub fn trusted(&self) -> Result<Vec<Certificate>, PkiError> {
        self.list(TRUSTED)
    }

    /// The certificates of servers that were met and are not trusted.
    ///
    /// # Errors
    /// As [`Self::trusted`].
    pub fn rejected(&self) -> Result<Vec<Certificate>, PkiError> {
        self.list(REJECTED)
    }

    /// The own certificate; it is made if there is none.
    ///
    /// # Errors
    /// If it cannot be made or read.
    pub fn own_certificate(&self) -> Result<Certificate, PkiError> {
        self.own().map(|own| own.certificate)
    }

    /// Trusts a certificate: that in a file, or the rejected one whose thumbprint begins so.
    ///
    /// # Errors
    /// If there is none, or more than one.
    pub fn trust(&self, which: &str) -> Result<Certificate, PkiError> {
        self.put(which, REJECTED, TRUSTED)
    }

    /// Trusts a certificate no longer: the trusted one whose thumbprint begins so, or that in a file.
    ///
    /// # Errors
    /// As [`Self::trust`].
    pub fn reject(&self, which: &str) -> Result<Certificate, PkiError> {
        self.put(which, TRUSTED, REJECTED)
    }

    /// Puts a certificate that somebody sent to the rejected ones, unless it is known.
    pub(crate) fn remember(&self, certificate: &X509) -> Result<Certificate, PkiError> {
        let name = CertificateStore::cert_file_name(certificate);
        let trusted = self.0.join(TRUSTED).join(&name);
        if trusted.exists() {
            return described(certificate, trusted);
        }
        let file = self.0.join(REJECTED).join(&name);
        if !file.exists() {
            let kept = self.list(REJECTED)?.len();
            if kept >= REJECTED_MAX {
                let folder = self.0.join(REJECTED);
                return Err(PkiError(format!("{}: {kept} certificates are kept; remove some", folder.display())));
            }
            write(&file, certificate)?;
        }
        described(certificate, file)
    }

    /// Whether a server that shows this certificate may be talked to.
    ///
    /// # Errors
    /// Why not, and what to do.
    pub(crate) fn check(&self, certificate: &X509, application_uri: &str, url: &str) -> Result<(), String> {
        let shown = self.remember(certificate).map_err(|error| error.to_string())?;
        if !shown.file.starts_with(self.0.join(TRUSTED)) {
            return Err(format!(
                "the server's certificate is not trusted: {}, thumbprint {}; if the server itself shows this thumbprint, \
                 run `linetwin trust --pki {} add {}`",
                shown.subject,
                shown.thumbprint,
                self.0.display(),
                &shown.thumbprint[..THUMBPRINT_SHOWN.min(shown.thumbprint.len())],
            ));
        }
        // The file's name is made from the certificate; that it is the same must not hang on SHA-1.
        if fs::read(&shown.file).ok() != certificate.to_der().ok() {
            return Err(format!("{}: another certificate than the server's has its thumbprint", shown.file.display()));
        }
        shown.check_time("the server's certificate", "have a new one made at the server and trust that")?;
        if certificate.is_application_uri_valid(application_uri).is_err() {
            tracing::warn!(
                url,
                application_uri,
                subject = shown.subject,
                "the server's certificate is for another application"
            );
        }
        Ok(())
    }

    /// The own certificate and its key; made if there is none, and never again.
    pub(crate) fn own(&self) -> Result<Own, PkiError> {
        if !self.0.join(OWN).exists() {
            self.make_own()?;
        }
        let (mut store, certificate, key) = CertificateStore::new_with_x509_data::<X509Data>(
            &self.0,
            false,
            Some(Path::new(CERTIFICATE)),
            Some(Path::new(KEY)),
            None,
        );
        // Trust, time and application are checked by `check`, which can say more.
        store.set_skip_verify_certs(true);
        let (file, key_file) = (self.0.join(CERTIFICATE), self.0.join(KEY));
        let (Some(certificate), Some(_)) = (certificate, key) else {
            let (file, key_file) = (file.display(), key_file.display());
            let expected = "expected a certificate in DER and its private key in PEM, PKCS #8, that this user may read";
            return Err(PkiError(format!("{file} or {key_file} cannot be used; {expected}")));
        };
        let uri = application_uri(&certificate);
        let expected = "expected one with an application URI as subject alternative name";
        let application_uri = uri.ok_or_else(|| PkiError(format!("{}: {expected}", file.display())))?;
        Ok(Own { certificate: described(&certificate, file)?, application_uri, store: Arc::new(RwLock::new(store)) })
    }

    /// Makes both in a folder of its own, and puts that in place in one step.
    fn make_own(&self) -> Result<(), PkiError> {
        let host = opcua::crypto::hostname().unwrap_or_else(|_| "localhost".to_owned());
        let new = self.0.join(format!("own.{}.new", std::process::id()));
        private_folder(&new).map_err(|error| failed(&new, "cannot make the own certificate", &error))?;
        let uri = format!("urn:{host}:linetwin");
        let data = X509Data {
            key_size: OWN_KEY_BITS,
            common_name: format!("linetwin@{host}"),
            organization: "linetwin".to_owned(),
            organizational_unit: String::new(),
            country: String::new(),
            state: String::new(),
            alt_host_names: X509Data::alt_host_names(&uri, Some(vec![host]), false, false, false),
            certificate_duration_days: OWN_VALID_DAYS,
        };
        let (certificate, key) = (new.join("certificate.der"), new.join("key.pem"));
        let made = CertificateStore::create_certificate_and_key(&data, false, &certificate, &key);
        made.map_err(|error| failed(&new, "cannot make the own certificate", &error))?;
        let own = self.0.join(OWN);
        match fs::rename(&new, &own) {
            Err(_) if own.exists() => {
                // Another link was quicker.
                fs::remove_dir_all(&new).map_err(|error| failed(&new, "cannot remove", &error))
            }
            Err(error) => Err(failed(&own, "cannot make the own certificate", &error)),
            Ok(()) => {
                tracing::info!(file = %self.0.join(CERTIFICATE).display(), uri, "made linetwin's own OPC UA certificate");
                Ok(())
            }
        }
    }

    fn list(&self, inner: &str) -> Result<Vec<Certificate>, PkiError> {
        let folder = self.0.join(inner);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(&folder, "cannot be read", &error)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let file = entry.map_err(|error| failed(&folder, "cannot be read", &error))?.path();
            found.push(described(&read(&file)?, file)?);
        }
        found.sort_by(|a, b| a.file.cmp(&b.file));
        Ok(found)
    }

    fn put(&self, which: &str, from: &str, to: &str) -> Result<Certificate, PkiError> {
        let (certificate, old) = self.find(which, from)?;
        let name = CertificateStore::cert_file_name(&certificate);
        let new = self.0.join(to).join(&name);
        write(&new, &certificate)?;
        for old in [Some(self.0.join(from).join(name)), old].into_iter().flatten().filter(|old| old.exists()) {
            fs::remove_file(&old).map_err(|error| failed(&old, "cannot be removed", &error))?;
        }
        described(&certificate, new)
    }

    /// The certificate, and where it is among ours.
    fn find(&self, which: &str, inner: &str) -> Result<(X509, Option<PathBuf>), PkiError> {
        if Path::new(which).is_file() {
            return Ok((read(Path::new(which))?, None));
        }
        let which = which.to_ascii_lowercase();
        let mut fitting: Vec<_> = self.list(inner)?;
        fitting.retain(|certificate| !which.is_empty() && certificate.thumbprint.starts_with(&which));
        match fitting.as_slice() {
            [one] => Ok((read(&one.file)?, Some(one.file.clone()))),
            found => {
                let folder = self.0.join(inner);
                Err(PkiError(format!(
                    "{which:?} is no file, and the begin of the thumbprint of {} certificates in {}; expected exactly one; \
                     `linetwin trust list` shows them",
                    found.len(),
                    folder.display()
                )))
            }
        }
    }
}

/// How many digits of a thumbprint a command is given: enough to name one among a few hundred.
const THUMBPRINT_SHOWN: usize = 12;

impl Certificate {
    /// Whether it is valid now; one that soon ends is warned of.
    pub(crate) fn check_time(&self, what: &str, remedy: &str) -> Result<(), String> {
        let now = Clock::system().now();
        let (not_before, not_after) = (self.not_before, self.not_after);
        if now < not_before {
            return Err(format!(
                "{what} is valid only from {not_before}, and this machine's clock shows {now}; one of them is wrong"
            ));
        }
        if now > not_after {
            return Err(format!("{what} has expired at {not_after}, and this machine's clock shows {now}; {remedy}"));
        }
        if now.plus_seconds(EXPIRY_WARNING.as_secs_f64()) > not_after {
            tracing::warn!(thumbprint = self.thumbprint, "{what} expires at {not_after}; {remedy}");
        }
        Ok(())
    }
}

/// A certificate in a file, DER or PEM.
pub(crate) fn read(file: &Path) -> Result<X509, PkiError> {
    let bytes = fs::read(file).map_err(|error| failed(file, "cannot be read", &error))?;
    let read = if bytes.starts_with(b"-----BEGIN") { X509::from_pem(&bytes) } else { X509::from_der(&bytes) };
    read.map_err(|_| PkiError(format!("{}: is no certificate; expected one in DER or PEM", file.display())))
}

fn write(file: &Path, certificate: &X509) -> Result<(), PkiError> {
    let der = certificate.to_der().map_err(|_| PkiError("a certificate that cannot be written".to_owned()))?;
    let folder = file.parent().unwrap_or(file);
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(file, der));
    written.map_err(|error| failed(file, "cannot be written", &error))
}

#[cfg(unix)]
fn private_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::create_dir_all(folder.parent().unwrap_or(folder))?;
    fs::DirBuilder::new().mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn private_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

fn described(certificate: &X509, file: PathBuf) -> Result<Certificate, PkiError> {
    let (Ok(not_before), Ok(not_after)) = (certificate.not_before(), certificate.not_after()) else {
        return Err(PkiError(format!("{}: a certificate without a time of validity", file.display())));
    };
    Ok(Certificate {
        thumbprint: certificate.thumbprint().as_hex_string(),
        subject: certificate.subject_name(),
        not_before: Timestamp::from_millis(not_before.timestamp_millis()),
        not_after: Timestamp::from_millis(not_after.timestamp_millis()),
        file,
    })
}

/// The first URI among the certificate's alternative names.
fn application_uri(certificate: &X509) -> Option<String> {
    let der = certificate.to_der().ok()?;
    let certificate = x509_cert::Certificate::from_der(&der).ok()?;
    let extensions = certificate.tbs_certificate.extensions?;
    let names = extensions.iter().find(|extension| extension.extn_id == SubjectAltName::OID)?;
    SubjectAltName::from_der(names.extn_value.as_bytes()).ok()?.0.into_iter().find_map(|name| match name {
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.to_string()),
        _ => None,
    })
}

fn failed(path: &Path, what: &str, error: &dyn std::fmt::Display) -> PkiError {
    PkiError(format!("{}: {what}: {error}", path.display()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_own_certificate_is_made_once_and_only_its_owner_reads_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let pki = Pki::new(folder.path().join("pki"));
        let made = pki.own().unwrap();
        assert!(made.application_uri.starts_with("urn:") && made.application_uri.ends_with(":linetwin"));
        assert_eq!(made.certificate.check_time("it", ""), Ok(()));
        assert_eq!(pki.own_certificate().unwrap(), made.certificate);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(folder.path().join("pki/own")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
        fs::remove_file(folder.path().join("pki").join(KEY)).unwrap();
        let problem = pki.own_certificate().unwrap_err().to_string();
        assert!(problem.contains("key.pem cannot be used"), "{problem}");
    }

    #[test]
    fn a_server_is_trusted_by_its_certificate_once_a_person_says_so_and_until_then() {
        let folder = tempfile::tempdir().unwrap();
        let server = Pki::new(folder.path().join("server")).own_certificate().unwrap();
        let certificate = read(&server.file).unwrap();
        let pki = Pki::new(folder.path().join("pki"));
        let check = || pki.check(&certificate, "urn:plc", "opc.tcp://plc:4840");

        let refusal = check().unwrap_err();
        let command = format!("trust --pki {} add {}", folder.path().join("pki").display(), &server.thumbprint[..12]);
        assert!(refusal.contains(&server.thumbprint) && refusal.contains(&command), "{refusal}");
        assert_eq!(pki.rejected().unwrap().len(), 1);

        pki.trust(&server.thumbprint[..12]).unwrap();
        assert_eq!(check(), Ok(()));
        assert_eq!((pki.trusted().unwrap().len(), pki.rejected().unwrap().len()), (1, 0));

        pki.reject(&server.thumbprint).unwrap();
        check().unwrap_err();
        pki.trust(server.file.to_str().unwrap()).unwrap();
        assert_eq!(check(), Ok(()));
        assert_eq!((pki.trusted().unwrap().len(), pki.rejected().unwrap().len()), (1, 0));
        let problem = pki.trust("00").unwrap_err().to_string();
        assert!(problem.contains("expected exactly one"), "{problem}");
    }

    #[test]
    fn a_time_outside_of_validity_is_told_with_both_clocks() {
        let now = Clock::system().now();
        let certificate = |from_s: f64, to_s: f64| Certificate {
            thumbprint: String::new(),
            subject: String::new(),
            not_before: now.plus_seconds(from_s),
            not_after: now.plus_seconds(to_s),
            file: PathBuf::new(),
        };
        let problem = certificate(-100.0, -50.0).check_time("the certificate", "make a new one").unwrap_err();
        assert!(problem.contains("has expired at") && problem.contains("make a new one"), "{problem}");
        let problem = certificate(50.0, 100.0).check_time("the certificate", "").unwrap_err();
        assert!(problem.contains("clock shows"), "{problem}");
        assert_eq!(certificate(-50.0, 50.0).check_time("the certificate", ""), Ok(()));
    }
}
